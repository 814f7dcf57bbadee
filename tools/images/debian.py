"""Debian's side of the base images: the host's apt settings, mmdebstrap, and the trees it makes."""

import os
import re
import shlex
import subprocess

RUN_PACKAGES = (
    "usr-is-merged",  # else usrmerge, which brings all of Perl (47 MB)
    "ca-certificates", "tzdata", "netbase", "media-types", "openssl",
    "libstdc++6", "libgcc-s1", "libatomic1",  # Node.js
    "python3",  # its virtual environments link to it
)
BUILD_PACKAGES = (
    "build-essential", "pkg-config", "git", "curl", "xz-utils", "unzip", "jq",
    "python3-dev", "python3-pip", "python3-venv",
    "nginx",  # the static buildpack takes its program and MIME types into a layer; no service runs
)
UID = 1000
# Where npm packages come from unless the operator says otherwise: npm's own default, read from
# Debian's npm package, which is not installed (it would bring 188 MB).
NPM_REGISTRY_HOOK = r"""set -eu
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
(cd "$work" && APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-get download npm)
mkdir -p "$1/etc/nuri"
dpkg-deb --fsys-tarfile "$work"/npm_*.deb |
  tar -xO --wildcards '*/config/definitions.js' 2>/dev/null |
  sed -n "/define('registry'/,/})/s/.*default: '\(https[^']*\)'.*/\1/p" |
  head -n 1 >"$1/etc/nuri/npm-registry"
test -s "$1/etc/nuri/npm-registry"
"""
_APT_SETTINGS = re.compile(
    r'^(Acquire::(?:https?|ftp)::(?:Proxy(?:-Auto-Detect)?|CAInfo|CAPath|Verify-\w+|Timeout)\b'
    r'|Acquire::(?:Retries|Check-Valid-Until|Check-Date|ForceIPv[46]))')


def release():
    with open("/etc/os-release", encoding="utf-8") as file:
        values = dict(line.split("=", 1) for line in shlex.split(file.read(), comments=True))
    if values.get("ID") != "debian" or not values.get("VERSION_CODENAME"):
        raise SystemExit("base_images: needs a Debian host: it takes its release and apt sources")
    return values["VERSION_CODENAME"], values["VERSION_ID"]


def architecture():
    return subprocess.run(["dpkg", "--print-architecture"], check=True, capture_output=True,
                          text=True).stdout.strip()


def _wanted(suites, components, codename):
    mine = {codename, *(f"{codename}{end}" for end in ("-updates", "-security", "/updates"))}
    return "main" in components and any(suite in mine for suite in suites)


def sources(codename, folder="/etc/apt"):
    """The host's own apt sources for `codename`, as deb822 stanzas and one-line entries: what came
    from elsewhere (other suites, vendors) is left out."""
    found = []
    parts = os.path.join(folder, "sources.list.d")
    names = sorted(os.listdir(parts)) if os.path.isdir(parts) else []
    for path in [f"{folder}/sources.list", *(f"{parts}/{one}" for one in names)]:
        if not os.path.isfile(path):
            continue
        with open(path, encoding="utf-8") as file:
            text = re.sub(r"^\s*#.*\n?", "", file.read(), flags=re.MULTILINE)
        if path.endswith(".sources"):
            for stanza in re.split(r"\n\s*\n", text.strip()):
                fields = dict(re.findall(r"^([\w-]+):\s*(.*(?:\n[ \t].*)*)", stanza, re.MULTILINE))
                if fields.get("Enabled", "yes").lower() != "no" and "deb" in fields.get(
                        "Types", "").split() and _wanted(
                            fields.get("Suites", "").split(),
                            fields.get("Components", "").split(), codename):
                    found.append(stanza)
        elif path.endswith(".list"):
            for line in text.splitlines():
                words = re.sub(r"\[.*?\]", "", line).split()
                if words[:1] == ["deb"] and _wanted(words[2:3], words[3:], codename):
                    found.append(line.strip())
    if not found:
        raise SystemExit(f"base_images: no apt source of {codename} main in {folder}; add one")
    return found


def apt_settings():
    """The host's proxies, certificates and checks, as `Key "value";` lines."""
    dump = subprocess.run(["apt-config", "dump"], check=True, capture_output=True, text=True).stdout
    lines = [line for line in dump.splitlines() if _APT_SETTINGS.match(line)
             and not line.endswith('"";')]
    bundle = os.environ.get("SSL_CERT_FILE")
    if bundle and os.path.isfile(bundle) and not any("CAInfo" in line for line in lines):
        lines.append(f'Acquire::https::CAInfo "{bundle}";')
    return lines


def make_trees(work, codename):
    """Makes WORK/run and WORK/build, two root file systems; the second is the first and more."""
    one_line = os.path.join(work, "apt.list")
    stanzas = os.path.join(work, "apt.sources")
    found = sources(codename)
    for path, picked in ((one_line, [one for one in found if one.startswith("deb ")]),
                         (stanzas, [one for one in found if not one.startswith("deb ")])):
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n\n".join(picked) + "\n")
    used = [path for path in (one_line, stanzas) if os.path.getsize(path) > 1]
    run_tree = os.path.join(work, "run")
    # Downloads with the host's apt and settings; dpkg and the packages' scripts run in the tree.
    install = ("APT_CONFIG=\"$MMDEBSTRAP_APT_CONFIG\" apt-get -o DPkg::Chroot-Directory=\"$1\" "
               "install --yes --no-install-recommends ")
    command = [
        "mmdebstrap", "--mode=root", "--variant=minbase", "--format=directory",
        "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr",
        "--include=" + ",".join(RUN_PACKAGES),
        "--aptopt=APT::Install-Recommends \"false\"",
        *(f"--aptopt={line}" for line in apt_settings()),
        "--dpkgopt=force-unsafe-io",  # no fsync a file: the trees are thrown away
        "--dpkgopt=path-exclude=/usr/share/man/*", "--dpkgopt=path-exclude=/usr/share/locale/*",
        "--dpkgopt=path-exclude=/usr/share/doc/*", "--dpkgopt=path-exclude=/usr/share/info/*",
        "--dpkgopt=path-include=/usr/share/doc/*/copyright",
        f"--customize-hook=cp -ax \"$1\" {shlex.quote(run_tree)}",
        "--customize-hook=" + install + " ".join(BUILD_PACKAGES),
        "--customize-hook=" + NPM_REGISTRY_HOOK,
        codename, os.path.join(work, "build"), *used]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "1", "PYTHONHASHSEED": "0",
                   "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive", "TZ": "UTC"}
    subprocess.run(command, check=True, env=environment, stdin=subprocess.DEVNULL)


def finish_tree(root, epoch_day=1):
    """Adds the user `nuri`, and takes out what says when the tree was made."""
    lines = {
        "passwd": f"nuri:x:{UID}:{UID}::/home/nuri:/bin/bash", "group": f"nuri:x:{UID}:",
        "shadow": f"nuri:!:{epoch_day}:0:99999:7:::", "gshadow": "nuri:!::"}
    for name, line in lines.items():
        path = os.path.join(root, "etc", name)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        if name == "shadow":
            text = re.sub(r"^([^:]*:[^:]*):\d*:", rf"\1:{epoch_day}:", text, flags=re.MULTILINE)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text + line + "\n")
    real = os.path.join(root, "usr/sbin/start-stop-daemon.REAL")
    if os.path.exists(real):  # mmdebstrap puts it aside while it installs
        os.replace(real, real.removesuffix(".REAL"))
    for folder in ("home/nuri", "workspace", "layers"):
        path = os.path.join(root, folder)
        os.mkdir(path, 0o755)
        os.chown(path, UID, UID)

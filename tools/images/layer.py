"""A root file system as reproducible OCI layers: what is in it, and as tar.

Same packages in, same bytes out: sorted, owners by number, times no later than the newest packaged
file, nothing that only this machine or this hour put there (OCI image spec, layer.md).
"""

import hashlib
import os
import stat
import tarfile
from dataclasses import dataclass
from fnmatch import fnmatchcase

# Made by installing, of no use to an image, or of this machine. Where a pattern ends with /*, the
# folder stays, empty.
EXCLUDED = (
    "proc/*", "sys/*", "dev/*", "run/*", "tmp/*", "var/tmp/*", "var/cache/*", "var/log/*",
    "var/lib/apt/lists/*", "var/lib/dpkg/*-old", "var/lib/dpkg/lock*", "var/lib/dpkg/triggers/Lock",
    "var/lib/dpkg/updates/*", "var/lib/systemd/*", "var/lib/apt/extended_states",
    "etc/apt/apt.conf.d/*mmdebstrap", "etc/apt/sources.list", "etc/apt/sources.list.d/*",
    "etc/apt/auth.conf*", "etc/dpkg/dpkg.cfg.d/99mmdebstrap", "etc/passwd-", "etc/group-",
    "etc/shadow-", "etc/gshadow-", "etc/subuid*", "etc/subgid*", "etc/.pwd.lock", "etc/hostname",
    "etc/hosts", "etc/resolv.conf", "etc/machine-id", "var/lib/dbus/machine-id", "root/.*history",
    "usr/share/info/*", "usr/share/man/*", "usr/share/locale/*", "usr/share/lintian/*",
    "usr/share/bash-completion/*", "usr/sbin/policy-rc.d", "lost+found",
)
_KEPT_DOC = "usr/share/doc/*/copyright"


def excluded(path):
    if path.startswith("usr/share/doc/") and path.count("/") > 3:
        return not fnmatchcase(path, _KEPT_DOC)
    return any(fnmatchcase(path, pattern) for pattern in EXCLUDED)


@dataclass(frozen=True)
class Entry:
    """One file, folder or link of a root file system; `content` is a hash, or a target."""
    kind: int
    mode: int
    uid: int
    gid: int
    content: str
    mtime: int
    inode: tuple
    attributes: tuple  # extended ones: (name, value)

    def same_as(self, other, epoch):
        """Would an image show the same, with times cut at `epoch`?"""
        return ((self.kind, self.mode, self.uid, self.gid, self.content, self.attributes) ==
                (other.kind, other.mode, other.uid, other.gid, other.content, other.attributes)
                and (stat.S_ISDIR(self.kind)
                     or min(self.mtime, epoch) == min(other.mtime, epoch)))


def _content(path, status):
    if stat.S_ISREG(status.st_mode):
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    return os.readlink(path) if stat.S_ISLNK(status.st_mode) else ""


def _attributes(path):
    names = [name for name in os.listxattr(path, follow_symlinks=False)
             if name == "security.capability" or name.startswith("user.")]
    return tuple((name, os.getxattr(path, name, follow_symlinks=False)) for name in sorted(names))


def read(root):
    """path → Entry of everything below `root` that belongs into an image."""
    entries = {}

    def visit(folder):
        for name in sorted(os.listdir(os.path.join(root, folder))):
            path = os.path.join(folder, name) if folder else name
            full = os.path.join(root, path)
            if excluded(path):
                continue
            status = os.lstat(full)
            entries[path] = Entry(stat.S_IFMT(status.st_mode), stat.S_IMODE(status.st_mode),
                                  status.st_uid, status.st_gid, _content(full, status),
                                  int(status.st_mtime), (status.st_dev, status.st_ino),
                                  _attributes(full))
            if stat.S_ISDIR(status.st_mode):
                visit(path)

    visit("")
    return entries


def packaged_epoch(root, entries):
    """The newest time of a file that a package brought: what SOURCE_DATE_EPOCH is for this set."""
    info = os.path.join(root, "var/lib/dpkg/info")
    newest = 0
    for name in os.listdir(info):
        if name.endswith(".md5sums"):
            with open(os.path.join(info, name), encoding="utf-8") as listed:
                for line in listed:
                    path = line.split(None, 1)[1].rstrip("\n")
                    entry = entries.get(path)
                    if entry and stat.S_ISREG(entry.kind):
                        newest = max(newest, entry.mtime)
    return newest


def _hidden(upper, folder):
    """Is `folder` something else in the upper tree, so that nothing of the lower shows below it?"""
    return folder != "" and not stat.S_ISDIR(upper[folder].kind)


def difference(lower, upper, epoch):
    """(paths of `upper` that are not the same in `lower`, paths of `lower` that are gone)."""
    changed = {path for path, entry in upper.items()
               if path not in lower or not entry.same_as(lower[path], epoch)}
    gone = {path for path in lower if path not in upper}
    gone = {path for path in gone if os.path.dirname(path) not in gone
            and not _hidden(upper, os.path.dirname(path))}
    for path in [*changed, *gone]:  # a folder's mode and owner come from the topmost layer it is in
        while path := os.path.dirname(path):
            if path in upper:
                changed.add(path)
    return changed, gone


class _Hashing:
    """A file that hashes and counts what is written to it."""

    def __init__(self, file):
        self.file, self.hash, self.size = file, hashlib.sha256(), 0

    def write(self, data):
        self.hash.update(data)
        self.size += len(data)
        return self.file.write(data)


def write(root, entries, paths, gone, epoch, to):
    """Writes the layer of `paths`, and whiteouts for `gone`, to a file: (sha256 hex, bytes)."""
    out = _Hashing(to)
    first_of = {}
    with tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT, encoding="utf-8") as tar:
        names = [(path, path) for path in paths]
        names += [(os.path.join(os.path.dirname(path), ".wh." + os.path.basename(path)), None)
                  for path in gone]
        for name, path in sorted(names, key=lambda pair: pair[0].split("/")):
            if path is None:
                tar.addfile(_header(name, None, epoch))
                continue
            entry = entries[path]
            header = _header(name, entry, epoch)
            if stat.S_ISREG(entry.kind) and entry.inode in first_of:
                header.type, header.linkname = tarfile.LNKTYPE, first_of[entry.inode]
                tar.addfile(header)
            elif stat.S_ISREG(entry.kind):
                first_of[entry.inode] = name
                full = os.path.join(root, path)
                header.size = os.path.getsize(full)
                with open(full, "rb") as file:
                    tar.addfile(header, file)
            else:
                tar.addfile(header)
    return out.hash.hexdigest(), out.size


_TYPES = {stat.S_IFREG: tarfile.REGTYPE, stat.S_IFDIR: tarfile.DIRTYPE,
          stat.S_IFLNK: tarfile.SYMTYPE, stat.S_IFIFO: tarfile.FIFOTYPE}


def _header(name, entry, epoch):
    header = tarfile.TarInfo(name)
    header.mtime = epoch
    header.mode = 0o644
    if entry is None:
        return header
    if entry.kind not in _TYPES:
        raise ValueError(f"{name}: a device or socket has no place in an image")
    header.type = _TYPES[entry.kind]
    header.mode, header.uid, header.gid = entry.mode, entry.uid, entry.gid
    if not stat.S_ISDIR(entry.kind):
        header.mtime = min(entry.mtime, epoch)
    if stat.S_ISLNK(entry.kind):
        header.linkname = entry.content
    header.pax_headers = {f"SCHILY.xattr.{key}": value.decode("latin-1")
                          for key, value in entry.attributes}
    return header

"""A certificate authority of a case's own: pebble and its DNS, in which every name is this
machine, on loopback. Its certificates live for seconds."""

import json
import subprocess
from pathlib import Path

from .ports import free_ports
from .waiting import check, until

_START_S = 30


class Pebble:
    """Use as a context: `with Pebble(folder, http_port) as authority`.

    `folder` is made; everybody may read it. `http_port`: where names are proved by HTTP.
    """

    def __init__(self, folder, http_port, validity_s):
        self.folder = Path(folder)
        self.port, self.dns_port, self.manage_port = free_ports(3)
        self.http_port, self.validity_s = http_port, validity_s
        self._children = []

    @property
    def directory(self):
        return f"https://localhost:{self.port}/dir"

    @property
    def root(self):
        """What signed the certificate of its API, to be trusted."""
        return self.folder / "cert.pem"

    @property
    def hook(self):
        """A program that proves names in its DNS."""
        return self.folder / "hook"

    def __enter__(self):
        try:
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for child in self._children:
            child.kill()
            child.wait()
        self._children = []

    def _start(self):
        self.folder.mkdir()
        self._write_files()
        self._spawn("pebble-challtestsrv", "-defaultIPv4", "127.0.0.1", "-defaultIPv6", "",
                    "-dns01", f"127.0.0.1:{self.dns_port}", "-http01", "", "-https01", "",
                    "-tlsalpn01", "", "-management", f"127.0.0.1:{self.manage_port}")
        self._spawn("pebble", "-strict", "-config", self.folder / "config.json", "-dnsserver",
                    f"127.0.0.1:{self.dns_port}")
        until(self._answers, _START_S, "pebble answers")

    def _write_files(self):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                        "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
                        "-keyout", self.folder / "key.pem", "-out", self.root],
                       check=True, capture_output=True)
        (self.folder / "config.json").write_text(json.dumps({"pebble": {
            "listenAddress": f"127.0.0.1:{self.port}", "certificate": str(self.root),
            "privateKey": str(self.folder / "key.pem"), "httpPort": self.http_port, "tlsPort": 9,
            "certificateValidityPeriod": self.validity_s}}))
        self.hook.write_text(
            "#!/bin/sh\n"
            'test "$1" = present && what=set-txt || what=clear-txt\n'
            'exec curl -sf -m 5 -d "{\\"host\\":\\"$2.\\",\\"value\\":\\"$3\\"}" '
            f"http://127.0.0.1:{self.manage_port}/$what\n")
        self.hook.chmod(0o755)

    def _spawn(self, *argv):
        with open(self.folder / "pebble.log", "ab") as log:
            self._children.append(subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={"PATH": "/usr/bin:/bin", "PEBBLE_VA_NOSLEEP": "1", "PEBBLE_AUTHZREUSE": "0"}))

    def _answers(self):
        check(all(child.poll() is None for child in self._children),
              lambda: (self.folder / "pebble.log").read_text())
        done = subprocess.run(["curl", "-sf", "-m", "5", "--noproxy", "*", "--cacert", self.root,
                               self.directory], capture_output=True, check=False)
        return done.returncode == 0

"""Certificates made with openssl, as an operator makes them."""

import subprocess
from pathlib import Path


def _openssl(*words):
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


def _names(hosts):
    return ",".join(f"DNS:{host}" for host in hosts)


def self_signed(folder, name, *hosts, days=30, more=()):
    """(chain, key): files in `folder`; `hosts` are what it is for."""
    chain, key = Path(folder) / f"{name}.pem", Path(folder) / f"{name}.key"
    _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
             "-days", days, "-subj", f"/CN={name}", "-addext", f"subjectAltName={_names(hosts)}",
             *more, "-keyout", key, "-out", chain)
    return chain, key


class Authority:
    """A root of one's own that signs."""

    def __init__(self, folder, name="authority"):
        self.folder = Path(folder)
        self.root, self.key = self_signed(folder, name, name)

    def issue(self, name, *hosts, ends=None):
        """(chain, key); `ends`: when, as YYYYMMDDHHMMSSZ (default: in a month)."""
        chain, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        request, extensions = self.folder / f"{name}.csr", self.folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName={_names(hosts)}\n")
        _openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                 f"/CN={name}", "-keyout", key, "-out", request)
        if ends is None:
            _openssl("x509", "-req", "-in", request, "-CA", self.root, "-CAkey", self.key,
                     "-CAcreateserial", "-days", 30, "-extfile", extensions, "-out", chain)
        else:
            self._sign_until(ends, request, extensions, chain)
        return chain, key

    def _sign_until(self, ends, request, extensions, chain):
        """`openssl x509` takes no dates, `openssl ca` does."""
        home = self.folder / f"ca-{chain.stem}"
        home.mkdir()
        (home / "index.txt").touch()
        (home / "conf").write_text(
            f"[ca]\ndefault_ca=one\n[one]\ndatabase={home}/index.txt\nnew_certs_dir={home}\n"
            f"rand_serial=yes\ndefault_md=sha256\npolicy=any\nunique_subject=no\n"
            f"[any]\ncommonName=supplied\n")
        _openssl("ca", "-batch", "-config", home / "conf", "-cert", self.root, "-keyfile", self.key,
                 "-in", request, "-extfile", extensions, "-startdate", "20200101000000Z",
                 "-enddate", ends, "-notext", "-out", chain)

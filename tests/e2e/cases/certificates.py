"""Certificates and domains through the command line, and the command line through TLS."""

import contextlib
import json
import subprocess
import tempfile

from harness.nuri_cli import Cli
from harness.openssl_files import Authority, self_signed
from harness.ports import free_ports
from harness.realm import BIN
from harness.runner import case
from harness.waiting import check, contains, equal, until

_SERVES_S = 20


def certificates_of(realm, name):
    return [one for one in realm.json("certificates")["certificates"] if name in one["names"]]


@case(deadline=60)
def a_certificate_is_added_listed_renewed_and_deleted(realm):
    chain, key = self_signed(realm.scratch, "shop", "shop.example.com", "*.shop.example.com",
                             days=62)
    said = realm.nuri("add-certificate", "--chain", chain, "--key", key)
    contains(said, "shop.example.com, *.shop.example.com", "what add-certificate says")
    check("replaces" not in said, f"a first one replaces nothing: {said}")
    listed = realm.nuri("certificates")
    contains(listed, "in 61 days", "nuri certificates")
    contains(listed, "CN = shop", "nuri certificates")
    first = certificates_of(realm, "shop.example.com")[0]
    check("key" not in first, f"the key is told: {first}")

    chain, key = self_signed(realm.scratch, "renewed", "*.shop.example.com", "shop.example.com",
                             days=90)
    contains(realm.nuri("add-certificate", "--chain", chain, "--key", key), "replaces:",
             "what the renewal says")
    found = certificates_of(realm, "shop.example.com")
    equal([(one["guid"], one["issuer"]) for one in found], [(first["guid"], "CN = renewed")],
          "certificates after the renewal")
    contains(realm.fails("delete-certificate", "shop.example.com"), "-f", "without a terminal")
    realm.nuri("delete-certificate", "shop.example.com", "-f")
    equal(certificates_of(realm, "shop.example.com"), [], "certificates after the delete")
    contains(realm.nuri("delete-certificate", "shop.example.com", "-f"), "there is no certificate",
             "a second delete")


@case(deadline=60)
def a_certificate_that_cannot_serve_is_refused_saying_why(realm):
    folder = realm.scratch / "refused"
    folder.mkdir()
    authority = Authority(folder)
    chain, key = authority.issue("good", "good.example.com")
    _, other = authority.issue("other", "good.example.com")
    old, old_key = authority.issue("old", "old.example.com", ends="20210203040506Z")

    def refused(code, words, *files):
        done = realm.run("add-certificate", *files)
        equal(done.returncode, code, f"exit code of add-certificate {files} ({done.stderr})")
        contains(done.stderr, words, "the error")
    refused(65, "does not belong", "--chain", chain, "--key", other)
    refused(65, "expired on 2021-02-03T04:05:06Z", "--chain", old, "--key", old_key)
    backwards = folder / "backwards.pem"
    backwards.write_text(authority.root.read_text() + chain.read_text())
    refused(65, "wrong order", "--chain", backwards, "--key", key)
    refused(65, "no certificate", "--chain", key, "--key", chain)
    refused(66, "missing.pem", "--chain", folder / "missing.pem", "--key", key)
    refused(64, str(folder), "--chain", folder, "--key", key)
    refused(64, "--key FILE is missing", "--chain", chain)
    equal(certificates_of(realm, "good.example.com"), [], "certificates afterwards")


@case(deadline=60)
def a_domain_is_made_told_to_redirect_and_deleted(realm):
    realm.nuri("create-domain", "shop.example.org")
    contains(realm.nuri("domains"), "shop.example.org", "nuri domains")
    contains(realm.nuri("domain-options", "shop.example.org"), "https_redirect: false", "options")
    contains(realm.nuri("domain-options", "shop.example.org", "--https-redirect", "true"),
             "https_redirect: true", "options after the change")
    options = {one["name"]: one["options"] for one in realm.json("domains")["domains"]}
    equal(options["shop.example.org"], {"https_redirect": True}, "options as JSON")
    contains(realm.fails("domain-options", "shop.example.org", "--https-redirect", "perhaps"),
             "true or false", "the error")
    contains(realm.fails("domain-options", "nowhere.example.org"), "not found", "the error")
    realm.nuri("delete-domain", "shop.example.org", "-f")
    check("shop.example.org" not in realm.nuri("domains"), "the domain is still there")


@contextlib.contextmanager
def tls_before_the_api(realm, folder, chain, key):
    """A router that ends TLS and asks the API; yields its ports, without TLS and with."""
    plain, port = free_ports(2)
    table = folder / "table.json"
    table.write_text(json.dumps({
        "routes": [{"host": host, "settings": {"https_redirect": True},
                    "upstreams": [{"address": f"127.0.0.1:{realm.api_port}"}]}
                   for host in ("api.localhost", "other.localhost")],
        "certificates": [{"chain": str(chain), "key": str(key)}]}))
    log = folder / "router.log"
    with open(log, "wb") as out:
        router = subprocess.Popen([BIN / "nuri", "router", "--table", table, "--threads", "1",
                                   "--listen", f"127.0.0.1:{plain}", "--tls", f"127.0.0.1:{port}"],
                                  stdout=out, stderr=out)
    try:
        until(lambda: "the router serves" in log.read_text(), _SERVES_S, "the router serves")
        yield plain, port
    finally:
        router.terminate()
        router.wait()


@case(deadline=90)
def the_command_line_speaks_https_to_an_api_it_trusts_and_to_no_other(realm):
    with tempfile.TemporaryDirectory(dir=realm.scratch) as name:
        folder = realm.scratch / name
        authority = Authority(folder)
        issued = authority.issue("api", "api.localhost")
        with tls_before_the_api(realm, folder, *issued) as (plain, port):
            url = f"https://api.localhost:{port}"
            ann = Cli(realm.program, "", folder / "home")
            log_in = ("login", "-a", url, "-u", "admin", "-p", realm.password())
            done = ann.run(*log_in)
            equal(done.returncode, 77, f"exit code without --ca ({done.stderr})")
            contains(done.stderr, "--ca FILE", "the error")
            ann.nuri(*log_in, "--ca", authority.root)
            # What was trusted is remembered, not the file; lists and jobs, whose links name the
            # API's own address, are followed through TLS.
            authority.root.unlink()
            contains(ann.nuri("domains"), "localhost", "nuri domains over https")
            ann.nuri("create-domain", "tls.example.org")
            ann.nuri("delete-domain", "tls.example.org", "-f")
            contains(ann.fails("login", "-a", f"https://other.localhost:{port}", "-u", "admin",
                               "-p", "x", "--ca", folder / "api.pem"), "not trusted",
                     "a name that its certificate is not for")
            contains(ann.fails(*log_in, "--ca", folder / "missing"), "missing", "the error")
            contains(ann.fails("login", "-a", f"http://api.localhost:{plain}", "-u", "admin", "-p",
                               realm.password()), "sends on to https://", "where https is a must")
            contains(ann.fails("login", "-a", f"http://api.localhost:{port}", "-u", "admin", "-p",
                               realm.password()), "begins with https://", "the error")
            ann.nuri("logout")
            check("BEGIN CERTIFICATE" not in (folder / "home/config.json").read_text(),
                  "what was trusted is kept after logout")

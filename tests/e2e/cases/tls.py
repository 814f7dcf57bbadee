"""TLS, at a router alone and in a realm: real clients, certificates by name, changed while
connections live."""

import contextlib
import json
import signal
import socket
import ssl
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from harness.http_load import Load
from harness.instances import Instances
from harness.ports import free_port, free_ports
from harness.realm import BIN
from harness.runner import case
from harness.sources import static_site
from harness.waiting import check, contains, equal, until

_START_S = 30


class TlsRouter:
    """Before one instance, served as *.test."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.instances = Instances(folder)
        self.table = self.folder / "table.json"
        self.port, self.tls_port = free_ports(2)
        self._router = None

    def serve(self, certificates=None):
        route = {"host": "*.test",
                 "upstreams": [{"address": f"127.0.0.1:{self.instances.ports['one']}"}]}
        table = {"routes": [route, {**route, "host": "localhost"}]}
        if certificates:
            table["certificates"] = certificates
        self.table.write_text(json.dumps(table))
        if self._router:
            self._router.send_signal(signal.SIGHUP)

    def start(self):
        self.instances.start("one")
        until(lambda: self.instances.listens("one"), _START_S, "the instance listens")
        self.serve()
        with open(self.folder / "router.log", "wb") as log:
            self._router = subprocess.Popen(
                [BIN / "nuri", "router", "--table", self.table, "--threads", "2",
                 "--listen", f"127.0.0.1:{self.port}", "--tls", f"127.0.0.1:{self.tls_port}"],
                stdout=log, stderr=log)
        until(self._listens, _START_S, "the router serves TLS")

    def _listens(self):
        with socket.create_connection(("127.0.0.1", self.tls_port), 1):
            return True

    def certificate(self, name, *hosts):
        """Made with openssl; its entry in the table."""
        chain, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        names = ",".join(f"DNS:{host}" for host in hosts)
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", f"/CN={name}",
                        "-addext", f"subjectAltName={names}", "-keyout", key, "-out", chain],
                       check=True, capture_output=True)
        return {"chain": chain.name, "key": key.name}

    def shown(self, host):
        """The common name of the certificate that a client which asks for `host` gets."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with socket.create_connection(("127.0.0.1", self.tls_port), 10) as plain, \
                context.wrap_socket(plain, server_hostname=host) as tls:
            der = tls.getpeercert(binary_form=True)
        said = subprocess.run(["openssl", "x509", "-inform", "der", "-noout", "-subject",
                               "-nameopt", "sep_multiline"], input=der, capture_output=True,
                              check=True)
        return said.stdout.decode().split("CN=")[-1].strip()

    def curl(self, host, *words):
        done = subprocess.run(
            ["curl", "-sS", "--max-time", "20", "--connect-to",
             f"{host}:443:127.0.0.1:{self.tls_port}", *words, f"https://{host}/"],
            capture_output=True, text=True, check=False)
        check(done.returncode == 0, f"curl: {done.stderr}")
        return done.stdout

    def close(self):
        if self._router:
            self._router.kill()
            self._router.wait()
        self.instances.close()


@contextlib.contextmanager
def tls_router():
    with tempfile.TemporaryDirectory(prefix="nuri-tls-") as folder:
        router = TlsRouter(folder)
        try:
            router.start()
            yield router
        finally:
            router.close()


@case(90)
def tls_is_served_with_certificates_by_name_and_reloaded():
    with tls_router() as router:
        equal(router.shown("app.localhost"), router.shown("localhost"), "the self-signed one")
        a, b = router.certificate("first", "a.test"), router.certificate("second", "*.b.test")
        router.serve([a, b])
        until(lambda: router.shown("a.test") == "first", _START_S, "the new certificate is shown")
        equal(router.shown("x.b.test"), "second", "the wildcard's")
        equal(router.shown("other.test"), "first", "the default")
        # A certificate that cannot be read leaves those that are served.
        router.serve([a, {"chain": "missing.pem", "key": "missing.key"}])
        until(lambda: "missing.pem" in (router.folder / "router.log").read_text(), _START_S,
              "the file is named in the log")
        equal(router.shown("x.b.test"), "second", "the wildcard's")


@case(90)
def curl_speaks_http_1_and_2_inside_tls():
    with tls_router() as router:
        router.serve([router.certificate("first", "a.test")])
        until(lambda: router.shown("a.test") == "first", _START_S, "the certificate is shown")
        trust = ("--cacert", str(router.folder / "first.pem"), "-o", "/dev/null", "-w",
                 "%{http_version} %{http_code} %{size_download}")
        equal(router.curl("a.test", "--http1.1", *trust), "1.1 200 200", "HTTP/1.1")
        equal(router.curl("a.test", "--http2", *trust), "2 200 200", "HTTP/2")


@case(90)
def a_connection_lives_through_a_change_of_its_certificate():
    with tls_router() as router:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with socket.create_connection(("127.0.0.1", router.tls_port), 10) as plain, \
                context.wrap_socket(plain, server_hostname="a.test") as tls:
            ask = b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"
            tls.sendall(ask)
            check(tls.recv(65536).startswith(b"HTTP/1.1 200"), "the first answer")
            router.serve([router.certificate("first", "a.test")])
            until(lambda: router.shown("a.test") == "first", _START_S, "the new one is shown")
            tls.sendall(ask)
            received = tls.recv(65536)
            while b"\r\n\r\n" not in received:
                received += tls.recv(65536)
            check(b"200 OK" in received, f"the second answer: {received[:200]!r}")


def certificate_of(port, host):
    """What is shown for `host`, as PEM."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port), 10) as plain, \
            context.wrap_socket(plain, server_hostname=host) as tls:
        return ssl.DER_cert_to_PEM_cert(tls.getpeercert(binary_form=True))


@case(240)
def a_realm_serves_its_apps_inside_tls_and_keeps_its_certificate(new_realm):
    realm = new_realm
    port = free_port()
    # OpenSSL takes no wildcard directly below a top-level domain: *.localhost is none to curl.
    realm.more_flags += ["--tls", f"127.0.0.1:{port}", "--domain", "apps.test"]
    realm.mount_disk()
    realm.up()
    realm.push("shop", static_site(realm.scratch / "shop", "hello"))
    host = "shop.apps.test"
    contains(realm.nuri("routes"), f"https://{host}:{port}", "nuri routes")
    first = certificate_of(port, host)
    bundle = realm.scratch / "certificate.pem"
    bundle.write_text(first)

    def asked(where):
        done = subprocess.run(
            ["curl", "-sS", "--noproxy", "*", "--max-time", "20", "--cacert", bundle,
             "--connect-to", f"{host}:{port}:127.0.0.1:{port}",
             "--connect-to", f"{host}:{realm.port}:127.0.0.1:{realm.port}",
             "-w", "|%{http_code} %{redirect_url}", where],
            capture_output=True, text=True, check=False)
        check(done.returncode == 0, f"curl {where}: {done.stderr}")
        return done.stdout

    check("hello" in asked(f"https://{host}:{port}/"), "the page inside TLS")
    equal(certificate_of(port, "another.test"), first, "what is shown for a host that nobody has")
    journal = realm.state / "router/routes"
    equal(oct(journal.stat().st_mode & 0o777), oct(0o600), "who may read the router's table")

    route = realm.api("GET", "/v3/routes").json()["resources"][0]
    equal(realm.api("PATCH", f"/v3/routes/{route['guid']}",
                    {"options": {"https_redirect": True}}).status, 200, "the change of the route")
    plain = f"http://{host}:{realm.port}/x"
    until(lambda: asked(plain).endswith(f"|308 https://{host}:{port}/x"), _START_S,
          "the redirect leads to the port of --tls")

    pids = realm.kill("up", "host", "router", "server")
    realm.up()
    realm.until_replaced(pids)
    equal(certificate_of(port, host), first, "the certificate after everything was started anew")
    until(lambda: "hello" in asked(f"https://{host}:{port}/"), _START_S, "the page after that")


@case(120)
def a_nuri_that_is_started_with_other_flags_has_them_and_its_apps_run_on(own_realm):
    realm = own_realm
    realm.push("site", static_site(realm.scratch / "site", "as before\n"))
    shims, first, second = realm.machine.shims(), *free_ports(2)

    realm.more_flags += ["--tls", f"127.0.0.1:{first}"]
    with socket.create_server(("127.0.0.1", first)):
        done = realm.try_up()
    check(done.returncode != 0 and "--tls" in done.stderr, f"a port that is taken: {done.stderr}")
    equal(realm.text_of("site"), "as before\n", "the answer after a start that failed")

    contains(realm.up().stdout, "other settings", "what nuri up says while Nuri is up")
    until(lambda: certificate_of(first, "site.test"), _START_S, "TLS is served")
    equal(realm.text_of("site"), "as before\n", "the answer after the start")

    realm.more_flags[-1] = f"0.0.0.0:{first}"
    contains(realm.try_up().stderr, "nuri down", "the error for an address that includes the old")

    realm.more_flags[-1] = f"127.0.0.1:{second}"
    realm.kill("up")
    realm.up()
    until(lambda: certificate_of(second, "site.test"), _START_S, "TLS is served at the new port")
    until(lambda: not listened_on(first), _START_S, "nobody listens on the old port")
    equal(realm.text_of("site"), "as before\n", "the answer at last")
    equal(realm.machine.shims(), shims, "instances")


@case(180)
def several_nuri_up_at_once_with_other_flags_take_turns_and_no_request_is_lost(own_realm):
    realm = own_realm
    realm.push("site", static_site(realm.scratch / "site", "as before\n"))
    shims, ports = realm.machine.shims(), free_ports(3)
    with Load(realm.port, "site.localhost") as load, ThreadPoolExecutor(len(ports)) as people:
        load.until_more(40)
        starts = [people.submit(realm.try_up, more_flags=("--tls", f"127.0.0.1:{port}"))
                  for port in ports]
        for start in starts:
            done = start.result()
            check(done.returncode == 0, lambda one=done: one.stdout + one.stderr + realm.log_end())
        load.until_more(100)
    load.expect_none_lost()
    until(lambda: sum(listened_on(port) for port in ports) == 1, _START_S, "one's flags hold")
    equal(realm.machine.shims(), shims, "instances")


def listened_on(port):
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
        return True
    except ConnectionRefusedError:
        return False

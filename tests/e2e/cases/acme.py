"""Certificates that come by themselves: from a real authority on loopback, to the router."""

import contextlib
import socket
import sqlite3
import ssl
import subprocess

from harness.pebble import Pebble
from harness.ports import free_port
from harness.runner import case
from harness.sources import static_site
from harness.waiting import check, contains, equal, until

_ISSUED_S = 60
_VALIDITY_S = 45  # renewed after 30


def bring_up(realm, authority, *flags):
    realm.tls_port = free_port()
    realm.more_flags = ["--domain", "apps.localhost", "--tls", f"127.0.0.1:{realm.tls_port}",
                        "--acme", authority.directory, "--acme-email", "ops@example.com", *flags]
    realm.more_environment = {"SSL_CERT_FILE": str(authority.root)}
    realm.mount_disk()
    realm.up()
    realm.push("shop", static_site(realm.scratch / "shop", "for sale\n"))


def order_of(realm, name):
    """The row of the order for `name` as a dictionary; {} if there is none."""
    path = f"file:{realm.state}/server/nuri.db?mode=ro"
    with contextlib.closing(sqlite3.connect(path, uri=True)) as database:
        database.row_factory = sqlite3.Row
        row = database.execute("select * from certificate_orders where name = ?",
                               (name,)).fetchone()
    return dict(row) if row else {}


def issued(realm, name):
    """The guid of the certificate that came for `name`."""
    order = order_of(realm, name)
    check(order.get("certificate_guid"), f"no certificate: {order}")
    return order["certificate_guid"]


def shown(realm, host):
    """Who issued what the router shows for `host`, for which names, and its serial number."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", realm.tls_port), 10) as plain, \
            context.wrap_socket(plain, server_hostname=host) as tls:
        der = tls.getpeercert(binary_form=True)
    done = subprocess.run(["openssl", "x509", "-inform", "der", "-noout", "-issuer", "-serial",
                           "-ext", "subjectAltName"], input=der, capture_output=True, check=True)
    return done.stdout.decode()


def shows_the_authoritys(realm, host):
    said = shown(realm, host)
    check("Pebble" in said, f"the certificate for {host}: {said}")
    return said


@case(180)
def a_host_gets_a_certificate_proved_by_http_that_is_shown_and_renewed(new_realm):
    realm = new_realm
    with Pebble(realm.scratch / "pebble", realm.port, _VALIDITY_S) as authority:
        bring_up(realm, authority, "--acme-http-port", str(realm.port))
        first = until(lambda: issued(realm, "shop.apps.localhost"), _ISSUED_S, "one came")
        said = until(lambda: shows_the_authoritys(realm, "shop.apps.localhost"), 10, "it is shown")
        contains(said, "DNS:shop.apps.localhost", "the certificate")
        until(lambda: issued(realm, "shop.apps.localhost") != first, 2 * _VALIDITY_S, "another")
        until(lambda: shows_the_authoritys(realm, "shop.apps.localhost") != said, 10,
              "it is shown too")
        order = order_of(realm, "shop.apps.localhost")
        equal((order["failures"], order["error"]), (0, ""), "failures and error of its order")


@case(180)
def a_name_that_does_not_lead_here_has_its_reason_in_its_order(new_realm):
    realm = new_realm
    with Pebble(realm.scratch / "pebble", realm.port, _VALIDITY_S) as authority:
        bring_up(realm, authority, "--acme-http-port", str(realm.port))
        realm.api_json("POST", "/v3/domains", {"name": "nowhere.invalid"})
        realm.nuri("map-route", "shop", "nowhere.invalid", "--hostname", "shop")
        order = until(lambda: order_of(realm, "shop.nowhere.invalid"), 20, "it was asked for")
        said = until(lambda: "cannot be reached" in order_of(realm, "shop.nowhere.invalid")["error"]
                     and order_of(realm, "shop.nowhere.invalid"), _ISSUED_S, "the reason is there")
        contains(said["error"], "records must lead to this machine", "the reason")
        equal((said["guid"], said["failures"], said["certificate_guid"]), (order["guid"], 1, None),
              "its order, failures and certificate")
        until(lambda: issued(realm, "shop.apps.localhost"), _ISSUED_S, "the other one came")


@case(180)
def a_domain_gets_its_wildcard_proved_by_dns(new_realm):
    realm = new_realm
    with Pebble(realm.scratch / "pebble", realm.port, 3600) as authority:
        bring_up(realm, authority, "--acme-hook", str(authority.hook))
        until(lambda: issued(realm, "*.apps.localhost"), _ISSUED_S, "one came")
        said = until(lambda: shows_the_authoritys(realm, "shop.apps.localhost"), 10, "it is shown")
        contains(said, "DNS:*.apps.localhost", "the certificate")
        contains(said, "DNS:apps.localhost", "the certificate")
        equal(order_of(realm, "shop.apps.localhost"), {}, "an order of the host alone")

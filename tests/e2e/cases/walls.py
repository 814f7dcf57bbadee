"""What an instance can reach, and what not. Each case asks an app to try from inside."""

import re
import socket
import threading
import urllib.parse
from pathlib import Path

from harness.runner import case
from harness.sources import APPS, copy_of
from harness.waiting import Failed, check, equal


def probes(realm):
    """Two apps in sandboxes of their own."""
    for name in ("inside", "neighbour"):
        folder = realm.scratch / name
        if not folder.exists():
            realm.push(name, copy_of(APPS / "probe", folder), "-m", "128M")
    return "inside", "neighbour"


def ask(realm, app, what, **query):
    return realm.text_of(app, f"/{what}?" + "&".join(f"{k}={v}" for k, v in query.items()))


def own_address():
    """Of this machine, towards the world."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect(("192.0.2.1", 9))
        return s.getsockname()[0]


class Listener:
    """A port of the host on all its addresses, which says that it was reached."""

    def __enter__(self):
        self.socket = socket.create_server(("0.0.0.0", 0))
        self.port, self.reached = self.socket.getsockname()[1], False
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def _accept(self):
        try:
            self.socket.accept()
            self.reached = True
        except OSError:
            pass

    def __exit__(self, *_):
        self.socket.close()


@case(deadline=90)
def an_instance_cannot_reach_the_platforms_ports(realm):
    inside, _ = probes(realm)
    gateway = ask(realm, inside, "gateway")
    for host in (gateway, own_address(), "127.0.0.1"):
        for port in (realm.port, realm.api_port):
            check(ask(realm, inside, "connect", host=host, port=port).startswith("closed"),
                  f"an instance reached {host}:{port}")


@case(deadline=60)
def an_instance_cannot_reach_a_port_of_the_host(realm):
    inside, _ = probes(realm)
    with Listener() as listener:
        socket.create_connection(("127.0.0.1", listener.port)).close()
    with Listener() as listener:
        for host in (ask(realm, inside, "gateway"), own_address(), "127.0.0.1"):
            said = ask(realm, inside, "connect", host=host, port=listener.port)
            check(said.startswith("closed"), f"an instance reached {host}:{listener.port}: {said}")
        check(not listener.reached, "a connection from inside came in")


@case(deadline=60)
def an_instance_cannot_reach_another_instance(realm):
    inside, neighbour = probes(realm)
    address = ask(realm, neighbour, "address")
    check(address != ask(realm, inside, "address"), f"both have the address {address}")
    equal(ask(realm, neighbour, "connect", host=address, port=8080), "open", "to itself")
    said = ask(realm, inside, "connect", host=address, port=8080)
    check(said.startswith("closed"), f"an instance reached another at {address}: {said}")


@case(deadline=60)
def an_instance_cannot_reach_a_clouds_metadata(realm):
    inside, _ = probes(realm)
    said = ask(realm, inside, "connect", host="169.254.169.254", port=80)
    check(said.startswith("closed"), f"an instance reached 169.254.169.254: {said}")


@case(deadline=60)
def an_instance_asks_its_gateway_for_names(realm):
    inside, _ = probes(realm)
    equal(ask(realm, inside, "connect", host=ask(realm, inside, "gateway"), port=53), "open",
          "DNS over TCP at the gateway")
    found = ask(realm, inside, "resolve", name=outside()[0])
    check(not found.startswith("closed"), f"a name was not resolved inside: {found}")


@case(deadline=60)
def an_instance_reaches_the_outside_world(realm):
    inside, _ = probes(realm)
    name, port = outside()
    said = ask(realm, inside, "connect", host=ask(realm, inside, "resolve", name=name), port=port)
    equal(said, "open", f"a connection from inside to {name}:{port}")


def outside():
    """(name, port) out there that this machine reaches too: where its packages come from."""
    tried = []
    for file in (*Path("/etc/apt").glob("sources.list"),
                 *sorted(Path("/etc/apt/sources.list.d").glob("*"))):
        for url in re.findall(r"https?://[^/\s]+/", file.read_text()):
            parts = urllib.parse.urlsplit(url)
            name, port = parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
            try:
                socket.create_connection((name, port), timeout=3).close()
                return name, port
            except OSError as error:
                tried.append(f"{name}:{port}: {error}")
    raise Failed(f"this machine itself reaches none of its packages' sources: {tried}")

"""Ports for the programs of a test."""

import random
import socket
from pathlib import Path

_LOWEST = 10_000
_FEWEST = 1000


def _all():
    """Those that the kernel lends to no connection, so that a program which is killed finds its own
    free when it is back. In any order: other runs choose theirs at the same time."""
    lent = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()
    below = range(_LOWEST, int(lent[0]))
    kept = below if len(below) >= _FEWEST else range(_LOWEST, 1 << 16)
    return iter(random.sample(kept, len(kept)))


_left = _all()


def free_port():
    """Each is handed out once."""
    for port in _left:
        try:
            socket.create_server(("127.0.0.1", port)).close()
            return port
        except OSError:
            continue  # somebody else's
    raise OSError("no port of 127.0.0.1 is left for this run")


def free_ports(count):
    return [free_port() for _ in range(count)]

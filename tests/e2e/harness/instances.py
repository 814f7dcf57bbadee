"""Keeps small upstream programs (instance.py)."""

import socket
import subprocess
import sys
from pathlib import Path

from .ports import free_port

_PROGRAM = Path(__file__).with_name("instance.py")


class Instances:
    """Each has a port of its own, also when it is started again."""

    def __init__(self, folder):
        self.folder, self.ports, self._running, self._manners = Path(folder), {}, {}, {}

    def start(self, name, manner=None):
        manner = self._manners.setdefault(name, manner or "good")
        port = self.ports.get(name) or free_port()
        self.ports[name] = port
        self._running[name] = subprocess.Popen(
            [sys.executable, _PROGRAM, str(port), self.journal(name), manner],
            stdin=subprocess.DEVNULL)

    def listens(self, name):
        with socket.create_connection(("127.0.0.1", self.ports[name]), 1):
            return True

    def journal(self, name):
        return self.folder / f"{name}.journal"

    def under_way(self, name):
        words = [word for word, _ in self.noted(name)]
        words = words[len(words) - words[::-1].index("begin"):] if "begin" in words else []
        return words.count("in") - words.count("out")

    def noted(self, name):
        if not self.journal(name).exists():
            return []
        return [tuple(line.split(" ", 1)) for line in self.journal(name).read_text().splitlines()]

    def kill(self, name):
        self._running[name].kill()
        self._running[name].wait()

    def end(self, name):
        self._running[name].terminate()
        self._running[name].wait(30)

    def close(self):
        for one in self._running.values():
            one.kill()
            one.wait()

"""A router alone, behind a listening socket that this process holds as a supervisor would."""

import json
import os
import re
import signal
import socket
import subprocess
import threading
from pathlib import Path

from .realm import BIN
from .waiting import until

_LISTENING = 3  # the number at which listening sockets are handed in
_START_S = 30


class AloneRouter:
    """`folder` is for its table, its pid file and its log."""

    def __init__(self, folder, *flags):
        self.folder, self.flags = Path(folder), flags
        self.table, self.pid_file = self.folder / "table.json", self.folder / "router.pid"
        self.log = self.folder / "router.log"
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.port = self.socket.getsockname()[1]
        self._children = []
        self._writing = threading.Lock()

    def write_table(self, routes):
        with self._writing:
            fresh = self.table.with_suffix(".new")
            fresh.write_text(json.dumps({"routes": routes}))
            fresh.rename(self.table)

    def change(self, routes):
        """The table from now on; returns before it is served."""
        self.write_table(routes)
        self._signal(signal.SIGHUP)

    def served(self):
        """How many tables each router has said to serve: {pid: count}."""
        found = re.findall(r'msg="serving the routes of the table file".* pid=(\d+)', self._said())
        return {pid: found.count(pid) for pid in set(found)}

    def start(self):
        before = len(self.serving())
        environment = {**os.environ, "LISTEN_FDS": "1", "LISTEN_FDNAMES": "apps"}
        with open(self.log, "ab") as log:
            self._children.append(subprocess.Popen(
                [BIN / "nuri", "router", "--table", self.table, "--pid-file", self.pid_file,
                 *self.flags], stderr=log, stdout=log, env=environment,
                pass_fds=(_LISTENING,), preexec_fn=self._hand_over))
        until(lambda: len(self.serving()) > before, _START_S, "the router serves")

    def _hand_over(self):
        os.dup2(self.socket.fileno(), _LISTENING)
        os.set_inheritable(_LISTENING, True)

    def restart(self):
        """As an upgrade does: the one that serves starts its successor."""
        before = len(self.serving())
        self._signal(signal.SIGUSR2)
        until(lambda: len(self.serving()) > before, _START_S, "the successor serves")

    def end_and_start(self):
        """As a supervisor does for a router that is told to end: the next at once."""
        old = self.pid()
        self._signal(signal.SIGTERM)
        until(lambda: f'pid={old}' in self._said("has left its place"), _START_S, "it drains")
        self.start()

    def kill(self):
        self._signal(signal.SIGKILL)
        pid = self.pid()
        until(lambda: not _lives(pid), _START_S, "the killed router is gone")

    def pid(self):
        return int(self.pid_file.read_text() or 0)

    def serving(self):
        return [int(pid) for pid in re.findall(r'msg="the router serves" .*pid=(\d+)',
                                               self._said())]

    def last_words(self, lines=15):
        said = [line for line in self._said().splitlines() if "serving the routes" not in line]
        return "\n".join(said[-lines:])

    def close(self):
        for pid in self.serving():
            if _lives(pid):
                os.kill(pid, signal.SIGKILL)
        for child in self._children:
            child.wait()
        self.socket.close()

    def _signal(self, number):
        os.kill(until(self.pid, _START_S, "a router has its place"), number)

    def _said(self, part=""):
        if not self.log.exists():
            return ""
        lines = self.log.read_text(errors="replace").splitlines()
        return "\n".join(line for line in lines if part in line)


def _lives(pid):
    """A process whose first thread has ended lives, sockets and all, while another does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        return state != "Z" or len(list(Path(f"/proc/{pid}/task").iterdir())) > 1
    except OSError:
        return False

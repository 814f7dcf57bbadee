"""Servers that a benchmark runs, each on cores of its own, and the time that they use there."""

import ctypes
import os
import resource
import signal
import socket
import subprocess
import time
from pathlib import Path

from harness.waiting import Failed, check, until

PROXY_CORE, LOAD_CORE = min(os.sched_getaffinity(0)), max(os.sched_getaffinity(0))
FILES = min(resource.getrlimit(resource.RLIMIT_NOFILE)[1], 65536)  # open ones, each
_START_S, _STOP_S = 20, 5
_PR_SET_PDEATHSIG = 1


def _settle(cores):
    def in_child():
        os.sched_setaffinity(0, cores)
        resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES))
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    return in_child


class Program:
    """A server in a session of its own, on `cores`, that listens on `port`, and inside TLS on
    `tls_port`; `with` ends it."""

    running = []

    def __init__(self, name, command, cores, port, log, tls_port=None):
        self.name, self.command, self.cores, self.port = name, command, cores, port
        self.log, self.process, self.tls_port = Path(log), None, tls_port

    def __enter__(self):
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [str(one) for one in self.command], stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, start_new_session=True, preexec_fn=_settle(self.cores))
        try:
            until(self._listens_or_ended, _START_S, f"{self.name} listens on port {self.port}")
            check(self.process.poll() is None,
                  lambda: f"{self.name} ended at once: {self.log.read_text()}")
        except BaseException:
            self.__exit__()
            raise
        Program.running.append(self)
        return self

    def _listens_or_ended(self):
        if self.process.poll() is None:
            socket.create_connection(("127.0.0.1", self.port), 5).close()
        return True

    def __exit__(self, *_):
        if self in Program.running:
            Program.running.remove(self)
        self.process.terminate()
        try:
            self.process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()

    def cpu_s(self):
        """User and system time of all its threads, ended ones too: the kernel's clock of each
        process (clock_getcpuclockid(3)), in nanoseconds."""
        if self.process.poll() is not None:
            raise Failed(f"{self.name} ended: {self.log.read_text()[-2000:]}")
        return sum(time.clock_gettime_ns(~pid << 3 | 2) for pid in _session(self.process.pid)) / 1e9


def private_bytes(program):
    """What its processes have in memory for themselves alone."""
    return 1024 * sum(int(line.split()[1]) for pid in _session(program.process.pid)
                      for line in Path(f"/proc/{pid}/smaps_rollup").read_text().split("\n")
                      if line.startswith("Private_"))


def _session(leader):
    """The processes of a session."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == leader:
            found.append(int(folder.name))
    return found


class CoreTime:
    """What the two cores did since this was made."""

    def __init__(self):
        self.began, self.ours, self.busy = time.monotonic(), _our_cpu_s(), _busy_s()

    def share_of_others(self):
        others = (_busy_s() - self.busy) - (_our_cpu_s() - self.ours)
        return max(0.0, others / (2 * (time.monotonic() - self.began)))


def _busy_s():
    """Time that the two cores were not idle, or taken by the machine's own host (proc(5))."""
    wanted = {f"cpu{PROXY_CORE}", f"cpu{LOAD_CORE}"}
    ticks = 0
    for line in Path("/proc/stat").read_text().split("\n"):
        name, *fields = line.split() or [""]
        if name in wanted:
            user, nice, system, _, _, irq, softirq, steal = map(int, fields[:8])
            ticks += user + nice + system + irq + softirq + steal
    return ticks / os.sysconf("SC_CLK_TCK")


def _our_cpu_s():
    """Of this program, all that it waited for, and the servers that it started."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (time.process_time() + ended.ru_utime + ended.ru_stime
            + sum(program.cpu_s() for program in Program.running))

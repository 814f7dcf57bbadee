"""The load of `bench/router`: wrk for requests as fast as they are answered, open_loop.cc for a
fixed rate, websocket.cc for messages; each on the load's core. Every one gives a Turn."""

import contextlib
import json
import os
import resource
import select
import socket
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

from harness.waiting import Failed, check
from programs import LOAD_CORE
from proxies import BODIES, HTTP_HOST, WEBSOCKET_HOST

_COMPILER = ["clang++-19", "-std=c++23", "-O2"]
_SPARE_S = 30
_OPEN_FILES = 16384

# wrk calls it at its end; the line is one JSON object.
_WRK_SCRIPT = """
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('{"requests": %d, "seconds": %.6f, "p50": %.4f, "p99": %.4f,' ..
    ' "p999": %.4f, "bytes": %d, "errors": %d}\\n', summary.requests, summary.duration / 1e6,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency:percentile(99.9) / 1e3,
    summary.bytes, e.connect + e.read + e.write + e.status + e.timeout))
end
"""


@dataclass
class Turn:
    """One proxy's turn in one round; latencies in milliseconds, CPU in microseconds a request.
    `others`: the share of the two cores that programs outside of the benchmark used.
    """
    requests: float
    seconds: float
    p50: float
    p99: float
    p999: float
    cpu_us: float = 0.0
    others: float = 0.0

    @property
    def rate(self):
        return self.requests / self.seconds


def _run(command, seconds):
    try:
        done = subprocess.run([str(one) for one in command], capture_output=True, text=True,
                              timeout=seconds + _SPARE_S, check=False,
                              preexec_fn=lambda: os.sched_setaffinity(0, {LOAD_CORE}))
    except subprocess.TimeoutExpired as error:
        raise Failed(f"{command[0]} did not end in time") from error
    check(done.returncode == 0, f"{' '.join(map(str, command))}: {done.stderr or done.stdout}")
    return done.stdout


def _last_line(command, seconds):
    return json.loads(_run(command, seconds).strip().split("\n")[-1])


class Load:
    """The programs, made in `scratch`."""

    def __init__(self, scratch):
        self.scratch = Path(scratch)
        self.script = self.scratch / "done.lua"
        self.script.write_text(_WRK_SCRIPT)

    def program(self, name):
        made = self.scratch / name
        if not made.exists():
            source = Path(__file__).with_name(f"{name}.cc")
            subprocess.run([*_COMPILER, "-o", str(made), str(source)], check=True)
        return made

    def closed(self, port, connections, seconds, path="/", scheme="http", fields=()):
        """wrk. Answers of 100 KiB and more are counted by their bytes, so that those that were
        on their way at the end count for what came of them."""
        said = _last_line(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s",
                           "-s", self.script, "-H", f"Host: {HTTP_HOST}",
                           *(word for field in fields for word in ("-H", field)),
                           f"{scheme}://127.0.0.1:{port}{path}"], seconds)
        check(said.pop("errors") == 0, f"port {port}: wrk saw errors")
        size, received = BODIES[path], said.pop("bytes")
        if size >= 100 << 10:
            said["requests"] = received / size
        return Turn(**said)

    def http2(self, port, connections, streams, seconds):
        """h2load, over TLS."""
        log = self.scratch / "h2load.log"
        log.unlink(missing_ok=True)
        _run(["h2load", "-t1", f"-c{connections}", f"-m{streams}", f"--duration={seconds}",
              f"--connect-to=127.0.0.1:{port}", f"--log-file={log}",
              f"https://{HTTP_HOST}:{port}/"], seconds)
        answers = [line.split() for line in log.read_text().split("\n") if line]
        check(answers and all(status == "200" for _, status, _ in answers),
              f"port {port}: h2load saw errors")
        took = sorted(int(duration) / 1e3 for _, _, duration in answers)
        return Turn(len(took), seconds, *(took[int(len(took) * part)]
                                          for part in (0.5, 0.99, 0.999)))

    def open(self, port, connections, seconds, rate):
        return Turn(**_last_line([self.program("open_loop"), port, HTTP_HOST, connections, rate,
                                  seconds], seconds))

    def websocket(self, port, connections, seconds):
        return Turn(**_last_line([self.program("websocket"), "load", port, WEBSOCKET_HOST,
                                  connections, seconds], seconds))


@contextlib.contextmanager
def idle_connections(port, count):
    """`count` kept connections that have had one answer each and ask nothing more."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    check(most > count + 500, f"{count} connections need more than {most} open files: ulimit -n")
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, _OPEN_FILES), most))
    request = f"GET / HTTP/1.1\r\nHost: {HTTP_HOST}\r\n\r\n".encode()
    held, poll = [], select.poll()
    try:
        for _ in range(count):
            one = socket.create_connection(("127.0.0.1", port), 10)
            # Closed with a reset: tens of thousands in TIME_WAIT would use up the ports.
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            held.append(one)
            one.sendall(request)
            try:
                _one_answer(one)
            except OSError as error:
                which = f"connection {len(held):,} of {count:,}"
                raise Failed(f"{which} got no answer: {error}") from error
            poll.register(one, select.POLLIN | select.POLLRDHUP)
        yield
        closed = len(poll.poll(0))
        check(closed == 0, f"port {port}: {closed} of {count} idle connections were closed")
    finally:
        for one in held:
            one.close()


def _one_answer(one):
    received = b""
    while not received.endswith(b"n" * BODIES["/"]):
        piece = one.recv(4096)
        check(piece, f"no whole answer: {received[:300]!r}")
        received += piece
    check(received.startswith(b"HTTP/1.1 200"), f"not 200: {received[:300]!r}")

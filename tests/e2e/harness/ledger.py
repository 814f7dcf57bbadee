"""Load on a router whose every request is accounted for: by closed loops, each of which asks again
when it is answered, and by an open loop, which asks at its own rate."""

import http.client
import itertools
import queue
import select
import threading
import time
from dataclasses import dataclass

_PAUSE_S = 0.01
_CLIENT_S = 30
_UNUSED_S = 2  # a kept connection that was unused for longer is closed, not used
_BODY = b"y" * 300


@dataclass
class Lost:
    """A request without its whole good answer."""
    name: str
    host: str
    method: str
    began: float
    ended: float
    status: int  # 0: the connection failed
    error: str   # X-Nuri-Error, or what failed
    kept: bool   # sent on a connection that had served one before

    @property
    def repeatable(self):
        return self.method == "GET"


class Ledger:
    """with Ledger(port, hosts) as ledger: …; ledger.lost, ledger.asked, ledger.answered."""

    def __init__(self, port, hosts, closed=6, open_per_second=60):
        self.port, self.hosts, self.rate = port, hosts, open_per_second
        self.asked = self.answered = 0
        self.lost = []
        self._numbers, self._lock = itertools.count(), threading.Lock()
        self._stop, self._due = threading.Event(), queue.Queue()
        self._threads = [threading.Thread(target=self._closed_loop, daemon=True)
                         for _ in range(closed)]
        self._threads += [threading.Thread(target=self._open_worker, daemon=True)
                          for _ in range(2 * closed)]
        self._threads.append(threading.Thread(target=self._open_loop, daemon=True))

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join(_CLIENT_S + 5)

    def _closed_loop(self):
        client = _Client(self.port)
        while not self._stop.wait(_PAUSE_S):
            self._ask(client)
        client.close()

    def _open_loop(self):
        due = time.monotonic()
        while not self._stop.wait(max(0, due - time.monotonic())):
            self._due.put(due)
            due += 1 / self.rate
        for _ in self._threads:
            self._due.put(None)

    def _open_worker(self):
        client = _Client(self.port)
        while self._due.get() is not None:
            self._ask(client)
        client.close()

    def _ask(self, client):
        number = next(self._numbers)
        host = self.hosts[number % len(self.hosts)]
        method = "POST" if number // len(self.hosts) % 3 == 0 else "GET"
        name = f"r{number}"
        began = time.monotonic()
        status, error, kept = client.ask(method, host, name)
        with self._lock:
            self.asked += 1
            if status == 200 and not error:
                self.answered += 1
            else:
                self.lost.append(Lost(name, host, method, began, time.monotonic(), status,
                                      error, kept))


class _Client:
    """One kept connection."""

    def __init__(self, port):
        self.port, self.connection, self.used = port, None, 0.0

    def ask(self, method, host, name):
        """(status, error, whether the connection was a kept one)"""
        if self.connection and (time.monotonic() - self.used > _UNUSED_S or self._finished()):
            self.close()
        kept = self.connection is not None
        if not kept:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_CLIENT_S)
        status = 0
        try:
            self.connection.request(method, "/", body=_BODY if method == "POST" else None,
                                    headers={"Host": host, "X-Request-Id": name})
            answer = self.connection.getresponse()
            status = answer.status
            answer.read()
            error = answer.getheader("X-Nuri-Error", "")
            if answer.will_close:
                self.close()
        except http.client.IncompleteRead:
            error = "cut short"
            self.close()
        except (OSError, http.client.HTTPException) as failure:
            error = type(failure).__name__
            self.close()
        self.used = time.monotonic()
        return status, error, kept

    def _finished(self):
        """Whether the router has closed it since, as it may between two requests."""
        return bool(select.select([self.connection.sock], [], [], 0)[0])

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None

"""A constant load of requests from outside: closed loops, with kept connections and with one
connection a request. What was lost is counted and said."""

import http.client
import threading
import time

from .waiting import check, until

_PAUSE_S = 0.004
_MOST_REQUESTS = 200_000
_SECONDS = 20


class Load:
    """with Load(port, host) as load: …; load.lost is the list of what went wrong."""

    def __init__(self, port, host, path="/", kept=2, fresh=2, wanted=200):
        self.port, self.host, self.path, self.wanted = port, host, path, wanted
        self.lost, self.answers, self.slowest = [], 0, 0.0
        self.bodies = set()
        self._stop, self._lock = threading.Event(), threading.Lock()
        self._threads = [threading.Thread(target=self._work, args=(keep,), daemon=True)
                         for keep in [True] * kept + [False] * fresh]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        until(lambda: self.answers >= len(self._threads) or self.lost, 15, "the load has begun")
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join(_SECONDS + 5)

    def until_more(self, count, seconds=20):
        """Waits for `count` more answers."""
        goal = self.answers + count
        until(lambda: self.answers >= goal, seconds, f"{count} more answers under load")

    def _work(self, keep):
        connection = None
        while not self._stop.is_set() and self.answers < _MOST_REQUESTS:
            if connection is None:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_SECONDS)
            began = time.monotonic()
            try:
                connection.request("GET", self.path, headers={
                    "Host": self.host, "Connection": "keep-alive" if keep else "close"})
                answer = connection.getresponse()
                body = answer.read()
                problem = "" if answer.status == self.wanted else \
                    f"status {answer.status}: {body[:200]!r}"
                closed = answer.will_close
            except (OSError, http.client.HTTPException) as error:
                problem, closed, body = f"{error!r}", True, b""
            with self._lock:
                self.answers += not problem
                self.slowest = max(self.slowest, time.monotonic() - began)
                if len(self.bodies) < 100 and not problem:
                    self.bodies.add(body)
                if problem and len(self.lost) < 1000:
                    kind = "kept" if keep else "fresh"
                    self.lost.append(f"at {time.strftime('%H:%M:%S')}, {kind} connection, after "
                                     f"{time.monotonic() - began:.3f} s: {problem}")
            if closed or not keep:
                connection.close()
                connection = None
            self._stop.wait(_PAUSE_S)
        if connection:
            connection.close()

    def expect_none_lost(self):
        check(not self.lost, lambda: f"{len(self.lost)} of {self.answers + len(self.lost)} "
              "requests were lost:\n" + "\n".join(self.lost[:8]))

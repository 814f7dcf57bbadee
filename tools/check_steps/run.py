"""Running programs for a check: logs, times, counts, limits, and an end to all on Ctrl-C."""

import os
import signal
import subprocess
import threading
import time

_TAIL_LINES = 60
_GRACE_S = 30  # for a program that was told to end: end-to-end tests clean up in it


class Interrupted(Exception):
    """Ctrl-C or a TERM: every program that was started has been ended."""


class Session:
    """One run of tools/check: where it is, how it builds, and what passed and failed so far."""

    def __init__(self, root, preset="asan", fuzz_seconds=10):
        self.root = root
        self.preset = preset
        self.fuzz_seconds = fuzz_seconds
        self.logs = root / "build" / "logs"
        self.logs.mkdir(parents=True, exist_ok=True)
        self.passed = 0
        self.failed = []  # what failed, in words
        self.built = {}  # preset → did it
        self._began = time.monotonic()
        self._running = set()
        self._mutex = threading.Lock()
        self._stopping = False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._interrupted)

    def _interrupted(self, *_):
        raise KeyboardInterrupt

    def log_path(self, name):
        return self.logs / f"{name}.log"

    def run(self, name, command, env=None, limit_s=3600):
        """The exit status of `command`, its output in the log `name`; 'timed out' reads as 124."""
        with open(self.log_path(name), "wb") as log:
            log.write(("$ " + " ".join(map(str, command)) + "\n").encode())
            log.flush()
            with self._mutex:
                if self._stopping:
                    raise Interrupted
                process = subprocess.Popen(
                    list(map(str, command)), cwd=self.root, stdin=subprocess.DEVNULL, stdout=log,
                    stderr=subprocess.STDOUT, env={**os.environ, **(env or {})},
                    start_new_session=True)
                self._running.add(process)
            try:
                return process.wait(limit_s)
            except subprocess.TimeoutExpired:
                self._end([process])
                log.write(f"\ncheck: ended after its limit of {limit_s} s\n".encode())
                return 124
            except KeyboardInterrupt:
                self.end_all()
                raise Interrupted from None
            finally:
                with self._mutex:
                    self._running.discard(process)

    def end_all(self):
        with self._mutex:
            self._stopping = True
            running = list(self._running)
        self._end(running)

    @staticmethod
    def _end(processes):
        for number, patience_s in ((signal.SIGTERM, _GRACE_S), (signal.SIGKILL, 5)):
            for process in processes:
                try:
                    os.killpg(process.pid, number)
                except ProcessLookupError:
                    pass
            deadline = time.monotonic() + patience_s
            for process in processes:
                try:
                    process.wait(max(0.0, deadline - time.monotonic()))
                except subprocess.TimeoutExpired:
                    pass

    def step(self, name):
        return Step(self, name)

    def fail(self, what, log=None):
        self.failed.append(what)
        print(f"  FAILED: {what}", flush=True)
        if log is not None:
            self.show_end(log)

    def show_end(self, log):
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        left = f", its last {_TAIL_LINES} lines" if len(lines) > _TAIL_LINES else ""
        print(f"  --- {log}{left}:")
        self.show(lines)
        print("  ---", flush=True)

    @staticmethod
    def show(lines):
        for line in lines[-_TAIL_LINES:]:
            print("  | " + line, flush=True)

    def close(self):
        seconds = time.monotonic() - self._began
        print(f"check: {int(seconds) // 60} min {int(seconds) % 60} s")
        for what in self.failed:
            print(f"check: failed: {what}")
        print(f"{self.passed} passed, {len(self.failed)} failed", flush=True)
        return 1 if self.failed or self.passed == 0 else 0


class Step:
    """`with session.step("name") as step`: shows its time; `step.says` is shown beside it."""

    def __init__(self, session, name):
        self.session, self.name, self.says = session, name, ""

    def __enter__(self):
        self._began = time.monotonic()
        self._failed = len(self.session.failed)
        print(f"check: {self.name} …", flush=True)
        return self

    def __exit__(self, kind, *_):
        if kind is KeyboardInterrupt:
            self.session.end_all()
            raise Interrupted
        if kind is None:
            good = len(self.session.failed) == self._failed
            says = f"  ({self.says})" if self.says else ""
            print(f"check: {self.name:34} {'ok' if good else 'FAILED':7}"
                  f"{time.monotonic() - self._began:7.1f} s{says}", flush=True)

"""Runs the cases one after another, each with a deadline, and counts.

A case is a function whose name is a sentence. What it asks for by the names of its parameters is
made for it: `realm`, a Nuri that all such cases share; `own_realm`, a Nuri of its own, up, which
the case may kill and starve; `new_realm`, one that is not started yet.
"""

import argparse
import inspect
import os
import signal
import sys
import tempfile
import traceback
from pathlib import Path

from .realm import Realm, force_removal, sweep_dead
from .waiting import Failed, Stopwatch

CASES = []
_MAKING_S = 180
_REMOVAL_S = 120
_HURRIED_REMOVAL_S = 10
_SLOW_REMOVAL_S = 5


class Interrupted(BaseException):
    """SIGTERM or SIGINT: clean up and leave."""


class Late(BaseException):
    """A case was over its deadline. No case may catch it as an error of its own."""


def case(deadline):
    """Marks a function as a case that may take `deadline` seconds."""
    def mark(function):
        CASES.append((function, deadline))
        return function
    return mark


def sentence(function):
    return function.__name__.replace("_", " ")


class Runner:
    def __init__(self, logs, patterns, fail_fast=False):
        self.logs, self.fail_fast = Path(logs), fail_fast
        self.cases = [(function, deadline) for function, deadline in CASES
                      if not patterns or any(word in sentence(function) or
                                             word in function.__module__ for word in patterns)]
        # Those that share a Nuri first: it is up only once.
        self.cases.sort(key=lambda one: "realm" not in inspect.signature(one[0]).parameters)
        self.shared, self.shared_broken = None, ""
        self.removal_s = _REMOVAL_S
        self.passed, self.failed = 0, []

    def run(self):
        signal.signal(signal.SIGTERM, self._interrupted)
        signal.signal(signal.SIGINT, self._interrupted)
        signal.signal(signal.SIGALRM, self._late)
        watch = Stopwatch()
        try:
            sweep_dead()
            for number, (function, deadline) in enumerate(self.cases):
                self._one(function, deadline)
                if self.fail_fast and self.failed:
                    break
                rest = self.cases[number + 1:]
                if not any("realm" in inspect.signature(f).parameters for f, _ in rest):
                    self._remove_shared()
        except Interrupted:
            self.removal_s = _HURRIED_REMOVAL_S
            print("interrupted; cleaning up", flush=True)
            self.failed.append("interrupted before the end")
        finally:
            signal.alarm(0)
            self._remove_shared()
        print(f"{watch.seconds():.0f} s")
        print(f"{self.passed} passed, {len(self.failed)} failed", flush=True)
        return 1 if self.failed or not self.passed else 0

    def _one(self, function, deadline):
        name, watch, mine = sentence(function), Stopwatch(), []
        why = ""
        try:
            try:
                signal.alarm(_MAKING_S)
                made = {what: self._make(what, mine)
                        for what in inspect.signature(function).parameters}
                signal.alarm(deadline)
                watch = Stopwatch()
                function(**made)
            finally:
                signal.alarm(0)
        except Late:
            why = (f"over its deadline of {deadline} s ({watch.seconds():.0f} s), at\n" +
                   traceback.format_exc(limit=-4))
        except Failed as error:
            why = f"{error}\n{traceback.format_exc(limit=-2)}"
        except Interrupted:
            self.removal_s = _HURRIED_REMOVAL_S
            for realm in mine:
                self._end(realm, name)
            raise
        except Exception:  # a case may go wrong in any way, and the others still run
            why = traceback.format_exc()
        if why and self.shared and "realm" in inspect.signature(function).parameters:
            self.shared.keep_logs(self.logs / name.replace(" ", "-")[:80])
        for realm in mine:
            why += self._end(realm, name, keep=bool(why))
        self._report(name, why, watch.seconds())

    def _report(self, name, why, seconds):
        if why:
            self.failed.append(name)
            print(f"FAILED: {name}  ({seconds:.1f} s)\n" +
                  "\n".join("    " + line for line in why.strip().split("\n")), flush=True)
        else:
            self.passed += 1
            print(f"ok: {name}  ({seconds:.1f} s)", flush=True)

    def _make(self, what, mine):
        if what == "realm":
            if self.shared is None:
                if self.shared_broken:
                    raise Failed(self.shared_broken)
                self._start_shared()
            return self.shared
        realm = Realm()
        mine.append(realm)
        if what == "own_realm":
            realm.mount_disk()
            realm.up()
        elif what != "new_realm":
            raise Failed(f"a case asks for '{what}', which the runner does not know")
        return realm

    def _start_shared(self):
        realm = Realm()
        try:
            realm.mount_disk()
            realm.up()
        except BaseException as error:
            self.shared_broken = f"the Nuri that the cases share did not come up: {error!r:.300}"
            why = self._end(realm, "the shared Nuri", keep=True)
            if isinstance(error, Failed):
                raise Failed(f"{error}{why}") from None
            raise
        self.shared = realm

    def _end(self, realm, name, keep=False):
        """Why its removal failed; empty if it did not."""
        if keep:
            realm.keep_logs(self.logs / name.replace(" ", "-")[:80])
        signal.alarm(self.removal_s)
        watch = Stopwatch()
        try:
            realm.remove()
            if watch.seconds() > _SLOW_REMOVAL_S:
                print(f"    removing its Nuri took {watch.seconds():.1f} s, "
                      f"{realm.down_s:.1f} s of it nuri down", flush=True)
        except Failed as error:
            return f"\nremoving its Nuri: {error}"
        except Late:
            where = traceback.format_exc(limit=-4)
            force_removal(realm.machine)
            return f"\nremoving its Nuri took more than {self.removal_s} s, at\n{where}"
        finally:
            signal.alarm(0)
        return ""

    def _remove_shared(self):
        if self.shared is None:
            return
        realm, self.shared = self.shared, None
        why = self._end(realm, "the shared Nuri", keep=bool(self.failed))
        if why:
            self._report("the Nuri that the cases share goes down", why, 0)

    @staticmethod
    def _interrupted(*_):
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        raise Interrupted

    @staticmethod
    def _late(*_):
        raise Late


def main(arguments):
    parser = argparse.ArgumentParser(
        prog="tests/e2e/run", description="End-to-end tests against the programs in $NURI_BIN "
        "(default: build/release/bin). Root. Logs of failed cases go to $NURI_TEST_LOGS.")
    parser.add_argument("--list", action="store_true", help="the cases")
    parser.add_argument("--fail-fast", action="store_true", help="stop after the first failure")
    parser.add_argument("words", nargs="*", metavar="WORDS",
                        help="only cases with one of these in their name or file")
    options = parser.parse_args(arguments)
    logs = os.environ.get("NURI_TEST_LOGS") or tempfile.mkdtemp(prefix="nuri-e2e-logs-")
    runner = Runner(logs, options.words, options.fail_fast)
    if options.list:
        for function, deadline in runner.cases:
            print(f"{deadline:4} s  {sentence(function)}")
        return 0
    if os.geteuid() != 0:
        print("tests/e2e/run: must run as root, as Nuri does", file=sys.stderr)
        return 2
    return runner.run()

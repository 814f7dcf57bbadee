"""No request is lost: constant load through a router alone, and everything that may happen to it
and to the instances behind it. Each request that fails is looked up in the instances' journals:
only what may fail may have failed."""

import collections
import itertools
import random
import tempfile
import threading
import time

from harness.alone_router import AloneRouter
from harness.instances import Instances
from harness.ledger import Ledger
from harness.runner import case
from harness.waiting import Failed, check, until

_SECONDS = 40  # of load
_CHANGES_PER_SECOND = 20
_STEADY = "steady.test"  # whose instances are killed and drained
_MIXED = "mixed.test"    # whose instances break the protocol, beside good ones
_GOOD = ("a", "b", "c", "d", "e")
_BAD = {"slow": "slow", "garbage": "garbage", "early": "early", "cut": "cut"}
_QUIET_S = 0.3
_CLOSE_S = 1.0  # a request in flight in a killed router has ended that long after the kill
# The kernel takes an io_uring down after its process, and its connections with it: a client learns
# that long after the kill that its kept one has ended.
_LINGER_S = 0.1


class Stage:
    """What is served, and what has happened."""

    def __init__(self, folder):
        self.instances, self.router = Instances(folder), AloneRouter(folder, "--threads", "2")
        self.out = set()  # instances that are not in the table
        self.kills, self.router_kills = collections.defaultdict(list), []
        self.done = collections.Counter()
        self._history, self._version = [], itertools.count()
        self._table = threading.Lock()

    def routes(self):
        def upstream(name):
            return {"id": name, "address": f"127.0.0.1:{self.instances.ports[name]}"}
        here = [name for name in _GOOD if name not in self.out]
        return [{"host": _STEADY, "upstreams": [upstream(name) for name in here]},
                {"host": _MIXED, "upstreams": [upstream(n) for n in ("m1", "m2", *_BAD)]},
                {"host": f"v{next(self._version)}.test", "upstreams": []}]

    def note(self, what):
        self.done[what] += 1
        self._history.append((time.monotonic(), what))

    def before(self, moment):
        """What happened last before it, for a person."""
        return "; ".join(f"{what} {moment - at:.3f} s before" for at, what in self._history
                         if -1 < moment - at < 1)

    def change_table(self):
        with self._table:
            self.router.change(self.routes())
            self.done["table changes"] += 1

    def change_tables(self, end):
        due = time.monotonic()
        while not end.wait(max(0, due - time.monotonic())):
            try:
                self.change_table()
            except ProcessLookupError:
                pass  # it was killed a moment ago; the next one reads the file as it starts
            due = max(due + 1 / _CHANGES_PER_SECOND, time.monotonic() - 1)

    def kill_instance(self, name):
        self.instances.kill(name)
        self.kills[name].append(time.monotonic())
        self.note("instances killed")
        self._begin_again(name)

    def drain_instance(self, name):
        """As a rolling change does: out of the table, nothing in flight, then ended."""
        self.out.add(name)
        before = self.router.served()
        self.change_table()
        until(lambda: any(n >= before.get(pid, 0) + 2 for pid, n in self.router.served().items()),
              20, "the table without it is served")
        quiet_since = None

        def quiet():
            nonlocal quiet_since
            if self.instances.under_way(name):
                quiet_since = None
            elif quiet_since is None:
                quiet_since = time.monotonic()
            return quiet_since and time.monotonic() - quiet_since > _QUIET_S
        until(quiet, 20, f"nothing is in flight to {name}")
        self.instances.end(name)
        self.note("instances drained")
        self._begin_again(name)
        self.out.discard(name)
        self.change_table()

    def _begin_again(self, name):
        self.instances.start(name)
        until(lambda: self.instances.listens(name), 20, f"{name} listens again")

    def kill_router(self):
        began = time.monotonic()
        self.router.kill()
        self.router_kills.append((began, time.monotonic()))
        self.note("routers killed")
        self.router.start()

    def restart_router(self):
        self.router.restart()
        self.note("routers upgraded")

    def end_and_start_router(self):
        self.router.end_and_start()
        self.note("routers ended, the next started")

    def close(self):
        self.router.close()
        self.instances.close()


class Verdicts:
    """Says of each lost request why it may have been lost; '' if it may not."""

    def __init__(self, stage):
        self.stage = stage
        self.reached = collections.defaultdict(set)  # request → instances that noted it
        for name in stage.instances.ports:
            for word, request in stage.instances.noted(name):
                if word == "in":
                    self.reached[request].add(name)

    def of(self, lost):
        where = self.reached[lost.name]
        if lost.status == 0 or lost.error in ("cut short", "RemoteDisconnected"):
            for began, ended in self.stage.router_kills:
                last = ended + (_LINGER_S if lost.kept else 0)
                if lost.began <= last and began <= lost.ended <= ended + _CLOSE_S:
                    return "in flight in a router that was killed"
        if lost.error == "bad_answer" and "garbage" in where:
            return "written to an instance that answered garbage"
        if lost.error == "cut short" and "cut" in where:
            return "an instance closed within its answer"
        if lost.error == "no_answer" and "early" in where and not lost.repeatable:
            return "written to an instance that closed, and may not be repeated"
        if lost.error == "no_answer" and not lost.repeatable and self._killed_during(lost):
            return "written to an instance that was killed, and may not be repeated"
        if lost.error == "cut short" and self._killed_during(lost):
            return "an instance was killed within its answer"
        return ""

    def _killed_during(self, lost):
        """A part of a request that a dead instance did not note may have been written to it too."""
        return any(lost.began - _CLOSE_S <= at <= lost.ended + _CLOSE_S
                   for name in _GOOD for at in self.stage.kills[name]) and lost.host == _STEADY


def trouble(stage, seed, until_time):
    """One thing after the other, in a seeded order, each several times."""
    order = random.Random(seed)
    things = [stage.restart_router, stage.end_and_start_router, stage.restart_router,
              lambda: stage.kill_instance(order.choice(_GOOD)),
              lambda: stage.kill_instance(order.choice(_GOOD)),
              lambda: stage.drain_instance(order.choice(_GOOD)),
              lambda: stage.drain_instance(order.choice(_GOOD)), stage.kill_router]
    while time.monotonic() < until_time:
        order.shuffle(things)
        for thing in things:
            thing()
            if time.monotonic() > until_time:
                return


@case(240)
def no_request_is_lost_while_tables_instances_and_routers_change():
    with tempfile.TemporaryDirectory(prefix="nuri-zero-loss-") as scratch:
        stage = Stage(scratch)
        try:
            judge(stage, drive(stage))
        except Failed as failure:
            raise Failed(f"{failure}\n{stage.router.last_words()}") from failure
        finally:
            stage.close()


def drive(stage):
    """The load, to its end, with everything that happens meanwhile."""
    for name in (*_GOOD, "m1", "m2"):
        stage.instances.start(name)
    for name, manner in _BAD.items():
        stage.instances.start(name, manner)
    for name in stage.instances.ports:
        until(lambda one=name: stage.instances.listens(one), 20, f"{name} listens")
    stage.router.write_table(stage.routes())
    stage.router.start()
    end = threading.Event()
    changes = threading.Thread(target=stage.change_tables, args=(end,), daemon=True)
    try:
        with Ledger(stage.router.port, (_STEADY, _STEADY, _STEADY, _MIXED)) as ledger:
            changes.start()
            trouble(stage, 1, time.monotonic() + _SECONDS)
    finally:
        end.set()
        changes.join(20)
    return ledger


def judge(stage, ledger):
    verdicts = Verdicts(stage)
    causes = collections.Counter(verdicts.of(lost) for lost in ledger.lost)
    unexplained = [lost for lost in ledger.lost if not verdicts.of(lost)]
    print(f"    {ledger.asked} requests, {ledger.answered} answered; " +
          ", ".join(f"{count} {what}" for what, count in sorted(stage.done.items())))
    for cause, count in sorted(causes.items()):
        print(f"    {count} lost: {cause or 'NO REASON'}")
    check(ledger.answered + len(ledger.lost) == ledger.asked, "a request is in no account")
    check(not unexplained, lambda: f"{len(unexplained)} requests were lost without a reason:\n" +
          "\n".join(f"{lost} noted by {sorted(verdicts.reached[lost.name])}, "
                    f"{stage.before(lost.ended)}" for lost in unexplained[:12]))
    for what in ("routers upgraded", "routers killed", "instances killed", "instances drained"):
        check(stage.done[what] > 0, f"no {what}: the test tells nothing")
    check(ledger.answered > 1000, f"only {ledger.answered} answers: the load was none")

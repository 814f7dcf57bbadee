"""Apps that misbehave. Each push of one says why it failed; the others do not notice."""

from harness.http_load import Load
from harness.runner import case
from harness.sources import APPS, copy_of, replace
from harness.waiting import Stopwatch, check, contains, equal, until


def copied(realm, app, name=None):
    return copy_of(APPS / app, realm.scratch / (name or app))


def probe(realm):
    folder = realm.scratch / "probed"
    if not folder.exists():
        realm.push("probed", copied(realm, "probe", "probed"), "-m", "64M", "-k", "128M")
    until(lambda: realm.get("probed").status == 200, 20, "the probed app answers")
    return "probed"


@case(deadline=60)
def an_app_that_never_listens_fails_its_push_and_says_so(realm):
    said = realm.fails("push", "never-listens", "-p", copied(realm, "never-listens"), "-t", 3)
    contains(said, "8080", "what push says")
    contains(said, "I run, and that is all", "what push says")
    realm.remove_app("never-listens")


@case(deadline=60)
def an_app_on_the_wrong_port_is_told_which_port_it_listens_on(realm):
    said = realm.fails("push", "wrong-port", "-p", copied(realm, "wrong-port"), "-t", 3)
    contains(said, "3210", "what push says")
    realm.remove_app("wrong-port")


@case(deadline=60)
def an_app_that_exits_at_once_is_shown_with_exit_code_and_last_words(realm):
    said = realm.fails("push", "exits", "-p", copied(realm, "exits-at-once", "exits"))
    contains(said, "no database is known here", "what push says")
    check("exit code 3" in said or "status 3" in said, f"push does not tell the exit code:\n{said}")
    realm.remove_app("exits")


@case(deadline=60)
def a_broken_version_leaves_the_old_one_serving(realm):
    folder = copied(realm, "probe", "careful")
    realm.push("careful", folder)
    replace(folder / "app.py", 'VERSION = "one"', 'raise SystemExit("broken on purpose")')
    with Load(realm.port, "careful.localhost") as load:
        contains(realm.fails("push", "careful", "-p", folder), "broken on purpose", "the push")
        load.until_more(20)
    load.expect_none_lost()
    contains(realm.text_of("careful"), "probe one", "the app's answer")
    replace(folder / "app.py", 'raise SystemExit("broken on purpose")', 'VERSION = "three"')
    realm.push("careful", folder)
    contains(realm.text_of("careful"), "probe three", "the app's answer after it was mended")
    realm.remove_app("careful")


@case(deadline=60)
def an_app_that_is_slow_to_start_is_waited_for(realm):
    realm.push("slow", copied(realm, "slow-start", "slow"))
    equal(realm.get("slow").status, 200, "status")
    realm.remove_app("slow")


@case(deadline=60)
def an_app_that_ignores_sigterm_is_killed_after_its_grace(realm):
    realm.push("deaf", copied(realm, "ignores-sigterm", "deaf"))
    shims = set(realm.machine.shims())
    watch = Stopwatch()
    realm.nuri("stop", "deaf")
    until(lambda: len(realm.machine.shims()) < len(shims), 25, "its instance is gone")
    check(watch.seconds() < 20, f"it took {watch.seconds():.0f} s, the grace is 10 s")
    contains(realm.nuri("logs", "deaf", "--recent"), "SIGTERM? No.", "the log")
    realm.remove_app("deaf")


@case(deadline=60)
def a_fork_bomb_is_stopped_by_the_limit_and_the_others_do_not_notice(realm):
    name = probe(realm)
    with Load(realm.port, f"{name}.localhost", kept=1, fresh=0):
        said = realm.get(name, "/bomb", seconds=30).text
    check(said.startswith("stopped after") or "502" in said, f"the fork bomb said: {said}")
    realm.nuri("restart", name)
    until(lambda: realm.get(name).status == 200, 20, "the probed app answers again")


@case(deadline=60)
def an_app_that_eats_memory_is_ended_and_replaced_and_the_reason_is_told(realm):
    name = probe(realm)
    guid = realm.guid(name)
    try:
        realm.get(name, "/eat?mb=400", seconds=30)
    except OSError:
        pass  # it died while it answered
    until(lambda: "memory" in realm.nuri("logs", name, "--recent").lower(), 20,
          "the log tells that memory ran out")
    until(lambda: realm.get(name).status == 200, 30, "another instance answers")
    events = realm.json("events", name)["events"]
    crash = [one for one in events if one["event"] == "audit.app.process.crash"]
    check(crash, f"no crash among the events of {guid}: {[one['event'] for one in events]}")
    contains(str(crash[0]["data"]).lower(), "memory", "data of the crash")


@case(deadline=60)
def an_app_that_fills_its_disk_hits_its_own_limit_only(realm):
    name = probe(realm)
    said = realm.get(name, "/fill?mb=300", seconds=40).text
    contains(said, "stopped after", "what the app found")
    check(int(said.split()[2]) < 140, f"it wrote more than its quota of 128 MB: {said}")
    equal(realm.get(name).status, 200, "status afterwards")
    realm.nuri("restart", name)


@case(deadline=60)
def a_crashed_instance_is_replaced_and_its_exit_is_told(realm):
    name = probe(realm)
    before = set(realm.machine.shims())
    try:
        realm.get(name, "/leave?code=42")
    except OSError:
        pass
    until(lambda: set(realm.machine.shims()) - before, 15, "another instance is started")
    until(lambda: realm.get(name).status == 200, 15, "it answers")
    contains(realm.nuri("logs", name, "--recent"), "42", "the log")
    try:
        realm.get(name, "/leave?sign=11")
    except OSError:
        pass
    until(lambda: "SIGSEGV" in realm.nuri("logs", name, "--recent") or
          "signal 11" in realm.nuri("logs", name, "--recent"), 15, "the log tells the signal")
    until(lambda: realm.get(name).status == 200, 30, "it answers again")

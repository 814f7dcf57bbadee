"""kill -9 of each part of Nuri, alone and together: apps answer or are repaired, nothing leaks."""

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

from harness.http_load import Load
from harness.nuri_cli import end_of
from harness.realm import BIN
from harness.runner import case
from harness.sources import APPS, copy_of, replace, static_site
from harness.waiting import Stopwatch, check, contains, equal, until

_BACK_S = 20


def victim(realm, instances=2):
    folder = realm.scratch / "victim"
    if not folder.exists():
        realm.push("victim", copy_of(APPS / "probe", folder), "-m", "64M", "-k", "128M", "-i",
                   instances)
    whole(realm)
    return "victim"


def whole(realm, instances=2):
    """Waits until everything runs and each instance answers."""
    for name in ("up", "host", "router", "server"):
        until(lambda: realm.machine.process(name), _BACK_S, f"nuri {name} runs")
    until(lambda: realm.api("GET", "/v3/apps").status == 200, _BACK_S, "the API answers")
    until(lambda: len(realm.running("victim")) == instances, 40, f"{instances} instances run")
    until(lambda: len({realm.get("victim").text for _ in range(6)}) == instances, 20,
          "each instance answers")
    realm.settled()


def first_instance(realm):
    """(guid, pid of the shim) of one of the victim's."""
    env = json.loads(realm.text_of("victim", "/env"))
    guid = json.loads(env["VCAP_APPLICATION"])["instance_id"]
    return guid, realm.machine.shims()[guid]


def killed_under_load(realm, names, most_lost):
    """Kills Nuri's processes `names` at once under load. At most `most_lost` requests may be lost;
    no instance ends, nothing is left over."""
    name = victim(realm)
    before, shims = realm.settled(), realm.machine.shims()
    with Load(realm.port, f"{name}.localhost") as load:
        pids = realm.kill(*names)
        load.until_more(60)
        realm.until_replaced(pids, _BACK_S)
        load.until_more(60)
    check(len(load.lost) <= most_lost, lambda: f"{len(load.lost)} requests were lost, at most "
          f"{most_lost} may be:\n" + "\n".join(load.lost[:8]))
    equal(realm.machine.shims(), shims, "instances")
    whole(realm)
    realm.as_before(before)


@case(deadline=90)
def the_server_is_killed_and_no_request_is_lost(realm):
    killed_under_load(realm, ["server"], 0)


@case(deadline=90)
def the_host_is_killed_and_no_request_is_lost(realm):
    killed_under_load(realm, ["host"], 0)


@case(deadline=90)
def the_router_is_killed_and_only_requests_under_way_are_lost(realm):
    killed_under_load(realm, ["router"], 4)


@case(deadline=120)
def server_host_and_router_are_killed_together_and_apps_run_on(realm):
    killed_under_load(realm, ["server", "host", "router"], 4)


@case(deadline=90)
def the_supervisor_is_killed_and_another_takes_over(realm):
    name = victim(realm)
    before = realm.settled()
    kept = {one: realm.machine.process(one) for one in ("host", "router", "server")}
    with Load(realm.port, f"{name}.localhost") as load:
        realm.kill("up")
        load.until_more(40)
        realm.up()
        load.until_more(40)
    load.expect_none_lost()
    equal({one: realm.machine.process(one) for one in kept}, kept, "host, router and server")
    killed_under_load(realm, ["server"], 0)
    realm.as_before(before)


@case(deadline=90)
def a_shim_is_killed_and_its_instance_ends_with_it_and_is_replaced(realm):
    name = victim(realm)
    before = realm.settled()
    guid, pid = first_instance(realm)
    inside = realm.machine.in_instance(guid)
    check(len(inside) >= 2, f"an init and an app were wanted inside {guid}: {inside}")
    with Load(realm.port, f"{name}.localhost") as load:
        os.kill(pid, 9)
        until(lambda: not realm.machine.in_instance(guid), 5, "its processes end")
        until(lambda: len(set(realm.machine.shims()) - {guid}) == before["shims"], 20,
              "it is replaced")
        load.until_more(50)
    check(len(load.lost) <= 4, lambda: "more than those under way were lost:\n" +
          "\n".join(load.lost[:8]))
    whole(realm)
    realm.as_before(before)


@case(deadline=90)
def an_app_is_killed_and_replaced(realm):
    name = victim(realm)
    before = realm.settled()
    guid, _ = first_instance(realm)
    init, *app = realm.machine.in_instance(guid)
    os.kill(app[-1], 9)
    until(lambda: guid not in realm.machine.shims(), 15, "its sandbox ends")
    until(lambda: "SIGKILL" in realm.nuri("logs", name, "--recent") or
          "signal 9" in realm.nuri("logs", name, "--recent"), 15, "the log tells the signal")
    whole(realm)
    realm.as_before(before)


@case(deadline=90)
def an_init_is_killed_and_its_instance_is_replaced(realm):
    victim(realm)
    before = realm.settled()
    guid, _ = first_instance(realm)
    os.kill(realm.machine.in_instance(guid)[0], 9)
    until(lambda: guid not in realm.machine.shims(), 15, "its sandbox ends")
    whole(realm)
    realm.as_before(before)


@case(deadline=90)
def an_app_that_dies_while_server_and_host_are_away_is_replaced(realm):
    victim(realm)
    before = realm.settled()
    guid, pid = first_instance(realm)
    pids = realm.kill("server", "host")
    os.kill(pid, 9)
    realm.until_replaced(pids, _BACK_S)
    until(lambda: guid not in realm.machine.shims(), 10, "its sandbox is gone")
    whole(realm)
    realm.as_before(before)


def pushed_while_killed(realm, names, seen):
    """Kills `names` when the push says `seen`. It succeeds or fails cleanly; a second one works."""
    victim(realm)
    folder = realm.scratch / "victim"
    text = (folder / "app.py").read_text()
    before = realm.settled()
    version = f"v{Stopwatch().began:.6f}"
    line = next(one for one in text.split("\n") if one.startswith("VERSION"))
    replace(folder / "app.py", line, f'VERSION = "{version}"')
    with Load(realm.port, "victim.localhost") as load:
        push = realm.start("push", "victim", "-p", folder)
        said = ""
        while seen not in said:
            one = push.stdout.readline()
            check(one, f"push ended before it said {seen!r}:\n{said}")
            said += one
        pids = realm.kill(*names)
        rest, code = end_of(push, 60)
        realm.until_replaced(pids, _BACK_S)
        until(lambda: realm.api("GET", "/v3/apps").status == 200, _BACK_S, "the API answers")
        if code:
            realm.push("victim", folder)
        load.until_more(20)
    lost = 4 if "router" in names else 0
    check(len(load.lost) <= lost, lambda: "lost:\n" + "\n".join(load.lost[:8]))
    contains(realm.text_of("victim"), version, f"the app's answer (push had said {code}:\n"
             f"{said}{rest})")
    whole(realm)
    realm.as_before(before)


@case(deadline=150)
def the_server_is_killed_during_a_build_and_the_old_version_serves(realm):
    pushed_while_killed(realm, ["server"], "Building")


@case(deadline=150)
def the_host_is_killed_during_a_build_and_the_old_version_serves(realm):
    pushed_while_killed(realm, ["host"], "Building")


@case(deadline=150)
def everything_is_killed_during_a_rollout_and_the_old_version_serves(realm):
    pushed_while_killed(realm, ["server", "host", "router"], "Waiting for app to start")


@case(deadline=90)
def no_acknowledged_write_is_lost_when_the_server_is_killed(realm):
    victim(realm)
    guid = realm.guid("victim")
    realm.api_json("PATCH", f"/v3/apps/{guid}/environment_variables", {"var": {"ROUND": "none"}})
    for round_number in range(3):
        last, number = None, 0
        watch = Stopwatch()
        while watch.seconds() < 0.5:
            value = f"{round_number}-{number}"
            realm.api_json("PATCH", f"/v3/apps/{guid}/environment_variables",
                           {"var": {"ROUND": value}})
            last, number = value, number + 1
        pids = realm.kill("server")
        realm.until_replaced(pids, _BACK_S)
        until(lambda: realm.api("GET", "/v3/apps").status == 200, _BACK_S, "the API answers")
        kept = realm.api_json("GET", f"/v3/apps/{guid}/environment_variables")["var"]["ROUND"]
        equal(kept, last, "the last value that was acknowledged")
    folder = static_site(realm.scratch / "after-kills")
    realm.push("after-kills", folder)
    realm.remove_app("after-kills")


def router_of(realm):
    """The pid of the router that serves; others may drain."""
    return int(Path(f"{realm.machine.run}/router.lock").read_text() or 0)


@case(deadline=90)
def the_router_is_told_to_end_and_no_request_is_lost(realm):
    name = victim(realm)
    before, old = realm.settled(), router_of(realm)
    with Load(realm.port, f"{name}.localhost") as load:
        load.until_more(40)
        os.kill(old, signal.SIGTERM)
        until(lambda: router_of(realm) not in (0, old), _BACK_S, "another router serves")
        load.until_more(200)
    load.expect_none_lost()
    until(lambda: old not in realm.machine.processes(), 20, "the old router has drained")
    whole(realm)
    realm.as_before(before)


@case(deadline=120)
def another_build_is_brought_up_and_no_request_is_lost(own_realm):
    realm = own_realm
    name = victim(realm)
    old = router_of(realm)
    newer = realm.scratch / "newer"
    shutil.copytree(BIN, newer, ignore=shutil.ignore_patterns("*_test", "*_fuzz"))
    with Load(realm.port, f"{name}.localhost") as load:
        load.until_more(40)
        done = subprocess.run([newer / "nuri", "up", "--detach", *realm.flags()], timeout=60,
                              capture_output=True, text=True, check=False)
        check(done.returncode == 0, lambda: done.stdout + done.stderr + realm.log_end())
        until(lambda: router_of(realm) not in (0, old), _BACK_S, "another router serves")
        load.until_more(200)
    load.expect_none_lost()
    until(lambda: old not in realm.machine.processes(), 20, "the old router has drained")
    contains(os.readlink(f"/proc/{router_of(realm)}/exe"), str(newer), "the router's program")

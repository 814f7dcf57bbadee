"""The verbs after a push, on one small app."""

import json

from harness.http_load import Load
from harness.runner import case
from harness.sources import APPS, copy_of
from harness.waiting import check, contains, equal, until


def app(realm):
    """The app that these cases share: pushed by the first that needs it."""
    folder = realm.scratch / "probe"
    if not folder.exists():
        copy_of(APPS / "probe", folder)
        realm.push("probe", folder, "-m", "128M", "-k", "256M")
    if realm.json("app", "probe")["state"] != "started":
        realm.nuri("start", "probe")
    return "probe"


@case(deadline=60)
def an_app_sees_its_platform_in_its_environment(realm):
    env = json.loads(realm.text_of(app(realm), "/env"))
    equal(env["PORT"], "8080", "PORT")
    equal(env["CF_INSTANCE_INDEX"], "0", "CF_INSTANCE_INDEX")
    vcap = json.loads(env["VCAP_APPLICATION"])
    equal((vcap["name"], vcap["limits"]["mem"]), ("probe", 128), "name and memory")
    equal(vcap["uris"], ["probe.localhost"], "uris")


@case(deadline=30)
def an_app_runs_without_privileges(realm):
    status = dict(line.split(":\t", 1) for line in realm.text_of(app(realm), "/who").split("\n")
                  if ":\t" in line)
    check(status["Uid"].split()[0] != "0", "the app runs as root of its sandbox")
    for kind in ("CapEff", "CapPrm", "CapInh", "CapAmb"):
        equal(int(status[kind], 16), 0, kind)
    equal((status["NoNewPrivs"], status["Seccomp"]), ("1", "2"), "NoNewPrivs and Seccomp")


@case(deadline=60)
def scaling_up_and_down_loses_no_request_and_every_instance_is_asked(realm):
    name = app(realm)
    with Load(realm.port, f"{name}.localhost") as load:
        realm.nuri("scale", name, "-i", 3)
        until(lambda: len(realm.running(name)) == 3, 30, "three instances run")
        until(lambda: len({body[-2:] for body in load.bodies}) == 3, 20, "three instances answer")
        realm.nuri("scale", name, "-i", 1)
        until(lambda: len(realm.instances(name)) == 1, 30, "one instance is left")
        load.until_more(50)
    load.expect_none_lost()


@case(deadline=60)
def a_change_of_the_environment_takes_effect_by_itself_and_loses_no_request(realm):
    name = app(realm)
    with Load(realm.port, f"{name}.localhost") as load:
        realm.nuri("set-env", name, "GREETING", "ahoy")
        contains(realm.text_of(name), "ahoy", "the app's answer")
        contains(realm.nuri("env", name), "ahoy", "nuri env")
        realm.nuri("unset-env", name, "GREETING")
        check("ahoy" not in realm.text_of(name), "the variable is still seen by the app")
        load.until_more(20)
    load.expect_none_lost()


@case(deadline=60)
def a_change_of_the_environment_can_wait_for_the_next_restart(realm):
    name = app(realm)
    said = realm.nuri("set-env", name, "GREETING=later", "--no-restart")
    contains(said, f"nuri restart {name}", "what set-env says")
    check("later" not in realm.text_of(name), "the variable took effect at once")
    with Load(realm.port, f"{name}.localhost") as load:
        realm.nuri("restart", name)
        load.until_more(20)
    load.expect_none_lost()
    contains(realm.text_of(name), "later", "the app's answer after a restart")
    realm.nuri("unset-env", name, "GREETING")


@case(deadline=60)
def a_stopped_app_has_no_process_and_starts_again(realm):
    name = app(realm)
    shims = realm.settled()["shims"]
    realm.nuri("stop", name)
    equal(realm.json("app", name)["state"], "stopped", "requested state")
    until(lambda: len(realm.machine.shims()) == shims - 1, 20, "its instance is gone")
    status = realm.get(name).status
    check(status in (404, 503), f"a stopped app answered {status}")
    realm.nuri("start", name)
    equal(realm.get(name).status, 200, "status after the start")


@case(deadline=30)
def routes_are_mapped_and_unmapped_at_once(realm):
    name = app(realm)
    realm.nuri("map-route", name, "localhost", "--hostname", "shop")
    until(lambda: realm.get("shop").status == 200, 5, "the new route answers")
    listed = {one["host"]: one["apps"] for one in realm.json("routes")["routes"]}
    equal(listed.get("shop"), [name], "apps of the route")
    realm.nuri("unmap-route", name, "localhost", "--hostname", "shop")
    until(lambda: realm.get("shop").status == 404, 5, "the route no longer answers")
    realm.nuri("map-route", name, "shop.localhost/cart")
    until(lambda: realm.get("shop", "/cart").text == "nothing here", 5, "the path is routed")
    equal(realm.get("shop", "/other").status, 404, "status of another path of the host")
    realm.nuri("unmap-route", name, "shop.localhost/cart")
    realm.nuri("delete-route", "localhost", "--hostname", "shop", "-f")


@case(deadline=20)
def the_router_tells_the_app_who_asked(realm):
    seen = json.loads(realm.text_of(app(realm), "/headers"))
    equal(seen["host"], "probe.localhost", "Host")
    contains(seen["x-forwarded-for"], "127.0.0.1", "X-Forwarded-For")
    equal(seen["x-forwarded-proto"], "http", "X-Forwarded-Proto")
    check(any("request-id" in name for name in seen), f"no request id among {sorted(seen)}")


@case(deadline=20)
def a_large_body_is_streamed_both_ways(realm):
    body = bytes(range(256)) * 16_384
    answer = realm.get(app(realm), "/", method="POST", body=body)
    equal((answer.status, answer.body == body), (200, True), "status, and whether it came back")


@case(deadline=60)
def recent_logs_have_every_source(realm):
    name = "speaker"  # an app without a thousand requests in its log
    realm.push(name, copy_of(APPS / "probe", realm.scratch / name), "-m", "64M", "-k", "128M")
    realm.text_of(name, "/say?text=words-of-an-app")
    realm.text_of(name, "/say?text=complaint&stream=err")

    def sources():
        log = realm.nuri("logs", name, "--recent")
        lacks = [word for word in ("[APP/PROC/WEB/0]", "[STG/", "[RTR/", "[API/",
                                   "OUT words-of-an-app", "ERR complaint") if word not in log]
        check(not lacks, f"the log does not have {lacks}:\n{log[-1500:]}")
        return True
    until(sources, 10, "all sources are in the log")


@case(deadline=30)
def logs_follow_until_ctrl_c(realm):
    from harness.nuri_cli import end_of, interrupt
    name = app(realm)
    follower = realm.start("logs", name, "-f")
    try:
        first = follower.stdout.readline()
        contains(first, "Retrieving logs", "the first line")
        numbers = iter(range(1000))
        lines = []

        def heard():
            realm.text_of(name, f"/say?text=echo-{next(numbers)}-")
            lines.append(follower.stdout.readline())
            return any("echo-" in line for line in lines) or lines[-1]
        until(lambda: heard() is True, 15, "a line that was written after it began")
    finally:
        interrupt(follower)
        _, code = end_of(follower, 10)
    equal(code, 0, "exit code of logs -f after Ctrl-C")


@case(deadline=30)
def a_flood_of_lines_is_limited_and_what_was_dropped_is_counted(realm):
    name = app(realm)
    realm.text_of(name, "/say?text=flood-%25d&times=60000")
    until(lambda: "dropped" in realm.nuri("logs", name, "--recent"), 15, "a count of dropped lines")
    equal(realm.get(name).status, 200, "status during a flood")


@case(deadline=20)
def events_tell_what_was_done_to_an_app(realm):
    events = [one["event"] for one in realm.json("events", app(realm))["events"]]
    for wanted in ("audit.app.create", "audit.app.process.scale", "audit.app.stop",
                   "audit.app.start", "audit.app.map-route"):
        check(wanted in events, f"no {wanted} among {sorted(set(events))}")


@case(deadline=20)
def every_verb_speaks_json(realm):
    name = app(realm)
    realm.nuri("apps")
    found = {one["name"]: one for one in realm.json("apps")["apps"]}
    equal(found[name]["state"], "started", "state")
    one = realm.json("app", name)
    for field in ("name", "guid", "state", "routes", "buildpacks", "processes"):
        check(field in one, f"nuri app --json has no field {field}")
    details = one["processes"][0]["instance_details"][0]
    check(details["memory_bytes"] > 1_000_000, f"no memory use in {details}")
    check("environment_variables" in realm.json("env", name), "nuri env --json")
    check("routes" in realm.json("routes"), "nuri routes --json")
    check("version" in realm.json("version"), "nuri version --json")
    for line in realm.nuri("logs", name, "--recent", "--json").strip().split("\n")[-3:]:
        json.loads(line)


@case(deadline=20)
def exit_codes_and_errors_are_for_scripts(realm):
    equal(realm.run("app", "nobody").returncode, 66, "exit code for an app that is not there")
    contains(realm.fails("app", "nobody"), "'nobody'", "the error")
    equal(realm.run("scale", app(realm), "-i", "many").returncode, 64, "for a wrong flag")
    equal(realm.run("frobnicate").returncode, 64, "for an unknown verb")
    error = json.loads(realm.run("app", "nobody", "--json").stdout)["error"]
    equal((error["code"], error["exit_code"]), ("not_found", 66), "the error as JSON")
    equal(realm.run("delete", "nobody", "-f").returncode, 0, "for deleting what is not there")


@case(deadline=60)
def deleting_an_app_with_its_routes_leaves_nothing_of_it(realm):
    from harness.sources import static_site
    app(realm)
    before = realm.settled()
    realm.push("brief", static_site(realm.scratch / "brief"))
    guid = realm.guid("brief")
    realm.nuri("delete", "brief", "-f", "-r")
    check("brief" not in [one["name"] for one in realm.json("apps")["apps"]], "it is still listed")
    equal(realm.get("brief").status, 404, "status of its URL")
    check("brief" not in [one["host"] for one in realm.json("routes")["routes"]], "its route stays")
    realm.as_before(before)
    until(lambda: not (realm.state / "logs" / guid).exists(), 10, "its log is gone")

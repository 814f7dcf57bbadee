"""Ctrl-C at each step of a push, two pushes at once, and a disk that is full."""

import json
import os

from harness.http_load import Load
from harness.nuri_cli import end_of, interrupt
from harness.runner import case
from harness.sources import APPS, copy_of, replace, static_site
from harness.waiting import Stopwatch, check, contains, equal, until


def steady(realm):
    folder = realm.scratch / "steady"
    if not folder.exists():
        realm.push("steady", copy_of(APPS / "probe", folder), "-m", "64M", "-k", "128M")
    return folder


def new_version(folder):
    version = f"v{Stopwatch().began:.6f}"
    text = (folder / "app.py").read_text()
    line = next(one for one in text.split("\n") if one.startswith("VERSION"))
    replace(folder / "app.py", line, f'VERSION = "{version}"')
    return version


def interrupted_at(realm, step):
    """Ctrl-C when a push of a new version says `step`: the old one serves, nothing is left."""
    folder = steady(realm)
    old = realm.text_of("steady")
    before = realm.settled()
    new_version(folder)
    with Load(realm.port, "steady.localhost") as load:
        push = realm.start("push", "steady", "-p", folder)
        said = ""
        while step not in said:
            one = push.stdout.read(1)
            check(one, f"push ended before it said {step!r}:\n{said}")
            said += one
        interrupt(push)
        rest, code = end_of(push, 30)
        equal(code, 130, f"exit code after Ctrl-C at {step!r} (said: {said}{rest})")
        load.until_more(30)
    load.expect_none_lost()
    contains(rest, "interrupted", "what push says")
    equal(realm.text_of("steady"), old, "the app's answer")
    realm.as_before(before)
    active = realm.api_json("GET", f"/v3/deployments?app_guids={realm.guid('steady')}"
                            "&status_values=ACTIVE")["resources"]
    equal(active, [], "deployments under way")
    version = new_version(folder)
    realm.push("steady", folder)
    contains(realm.text_of("steady"), version, "the answer after a push that was left alone")


@case(deadline=60)
def ctrl_c_while_files_are_read(realm):
    interrupted_at(realm, "Reading files")


@case(deadline=60)
def ctrl_c_while_the_app_is_updated(realm):
    interrupted_at(realm, "Updating app")


@case(deadline=60)
def ctrl_c_while_files_are_uploaded(realm):
    interrupted_at(realm, "Uploading files")


@case(deadline=90)
def ctrl_c_while_it_is_built(realm):
    interrupted_at(realm, "Building")


@case(deadline=90)
def ctrl_c_while_it_is_started(realm):
    interrupted_at(realm, "Waiting for app to start")


@case(deadline=60)
def ctrl_c_during_the_first_push_of_an_app_leaves_no_app(realm):
    before = realm.settled()
    folder = copy_of(APPS / "never-listens", realm.scratch / "unborn")
    push = realm.start("push", "unborn", "-p", folder)
    said = ""
    while "Waiting for app to start" not in said:
        one = push.stdout.read(1)
        check(one, f"push ended:\n{said}")
        said += one
    interrupt(push)
    rest, code = end_of(push, 30)
    equal(code, 130, f"exit code ({rest})")
    check("unborn" not in [one["name"] for one in realm.json("apps")["apps"]], "the app is there")
    check("unborn" not in [one["host"] for one in realm.json("routes")["routes"]], "its route is")
    realm.as_before(before)


@case(deadline=120)
def two_pushes_of_one_app_at_once_end_with_one_of_them(realm):
    folders = [copy_of(APPS / "probe", realm.scratch / f"twin-{n}") for n in (1, 2)]
    versions = [new_version(folder) for folder in folders]
    realm.push("twin", folders[0], "-m", "64M")
    with Load(realm.port, "twin.localhost") as load:
        for folder in folders:
            versions[folders.index(folder)] = new_version(folder)
        pushes = [realm.start("push", "twin", "-p", folder) for folder in folders]
        ends = [end_of(push, 90) for push in pushes]
        load.until_more(20)
    load.expect_none_lost()
    codes = [code for _, code in ends]
    check(0 in codes, f"neither push succeeded: {ends}")
    for said, code in ends:
        if code:
            contains(said, "took the place", "what the push that gave way says")
    served = realm.text_of("twin")
    check(any(version in served for version in versions), f"neither version is served: {served}")
    until(lambda: len(realm.running("twin")) == 1, 30, "one instance runs")
    realm.remove_app("twin")


@case(deadline=60)
def two_first_pushes_of_one_app_at_once_make_one_app(realm):
    folders = [static_site(realm.scratch / f"pair-{n}", f"{n}\n") for n in (1, 2)]
    pushes = [realm.start("push", "pair", "-p", folder) for folder in folders]
    ends = [end_of(push, 50) for push in pushes]
    check(any(code == 0 for _, code in ends), f"neither push succeeded: {ends}")
    names = [one["name"] for one in realm.json("apps")["apps"]]
    equal(names.count("pair"), 1, "apps of that name")
    check(realm.text_of("pair") in ("1\n", "2\n"), "the page is neither's")
    realm.remove_app("pair")


@case(deadline=180)
def a_full_disk_refuses_pushes_and_lets_apps_and_the_database_go_on(new_realm):
    realm = new_realm
    realm.mount_disk(40_000)
    realm.more_flags = ["--disk-reserve", "200"]
    realm.up()
    realm.push("site", static_site(realm.scratch / "site", "safe\n"), "-k", "64M")
    stat = os.statvfs(realm.state)
    filler = realm.state / "filler"
    with open(filler, "wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(1, stat.f_bavail * stat.f_frsize - (100 << 20)))
    done = realm.run("push", "late", "-p", static_site(realm.scratch / "late", "late\n"))
    equal(done.returncode, 75, f"exit code of a push on a full disk: {done.stdout}{done.stderr}")
    check("disk" in done.stderr.lower() or "space" in done.stderr.lower(), done.stderr)
    equal(realm.text_of("site"), "safe\n", "the page of an app that ran")
    guid = realm.guid("site")
    realm.api_json("PATCH", f"/v3/apps/{guid}/environment_variables", {"var": {"A": "b"}})
    filler.unlink()
    realm.push("late", realm.scratch / "late", "-k", "64M")
    equal(realm.text_of("late"), "late\n", "the page, when there is space again")
    equal(realm.api_json("GET", f"/v3/apps/{guid}/environment_variables")["var"], {"A": "b"},
          "what was written while the disk was full")
    json.loads(realm.nuri("apps", "--json"))

"""`nuri up` and `nuri down`: what they leave, what they say, and a second Nuri beside the first."""

import os
import signal
import socket
import subprocess

from harness.nuri_cli import request
from harness.realm import NURI
from harness.runner import case
from harness.sources import static_site
from harness.waiting import check, contains, equal, until


@case(deadline=120)
def down_leaves_nothing_but_data_and_up_brings_the_apps_back(own_realm):
    realm = own_realm
    realm.push("site", static_site(realm.scratch / "site", "still here\n"), "-i", 2)
    check(realm.machine.leftovers().get("processes"), "nothing was found of a Nuri that runs")
    check(realm.machine.loop_devices() and realm.machine.nft_tables() and
          realm.machine.cgroups() and realm.machine.interfaces(), "nor of what it uses")
    realm.down()
    equal(realm.machine.leftovers(), {}, "what nuri down left")
    check((realm.state / "server/nuri.db").exists(), "the database is gone")
    realm.up()
    until(lambda: realm.get("site").text == "still here\n", 30, "the app answers again")
    until(lambda: len(realm.running("site")) == 2, 30, "two instances run")
    realm.down()
    equal(realm.machine.leftovers(), {}, "what a second nuri down left")
    realm.down()


@case(deadline=60)
def a_port_that_is_taken_is_named(new_realm):
    new_realm.mount_disk()
    with socket.create_server(("127.0.0.1", new_realm.port)):
        done = new_realm.try_up()
        said = done.stdout + done.stderr
        check(done.returncode != 0, "nuri up did not fail")
        contains(said, str(new_realm.port), "what nuri up says")
        contains(said, "--listen", "what nuri up says")
    with socket.create_server(("127.0.0.1", new_realm.api_port)):
        said = new_realm.try_up().stderr
        contains(said, str(new_realm.api_port), "what nuri up says")
        contains(said, "--api", "what nuri up says")
    check(not new_realm.machine.processes(), "something runs")
    new_realm.up()


@case(deadline=60)
def a_second_up_says_that_nuri_is_up(realm):
    pid = realm.machine.process("up")
    done = realm.up()
    contains(done.stdout, "up already", "what a second nuri up says")
    equal(realm.machine.process("up"), pid, "the process of nuri up")


@case(deadline=120)
def two_realms_live_beside_each_other(realm, own_realm):
    folder = static_site(realm.scratch / "both", "first\n")
    realm.push("both", folder)
    own_realm.push("both", static_site(own_realm.scratch / "both", "second\n"))
    equal((realm.text_of("both"), own_realm.text_of("both")), ("first\n", "second\n"), "answers")
    own_realm.down()
    equal(own_realm.machine.leftovers(), {}, "what the second left")
    equal(realm.text_of("both"), "first\n", "the first's answer after the second went down")
    realm.remove_app("both")


@case(deadline=60)
def everything_listens_on_loopback_but_the_instances_names(realm):
    pids = {realm.machine.process(name) for name in ("up", "host", "router", "server")}
    listed = subprocess.run(["ss", "-Hltunp"], capture_output=True, text=True, check=True).stdout
    mine = [line.split() for line in listed.split("\n")
            if any(f"pid={pid}," in line for pid in pids)]
    check(len(mine) >= 4, f"these are too few:\n{listed}")
    for words in mine:
        address, _, port = words[4].rpartition(":")
        check(address == "127.0.0.1" or port == "53", f"{' '.join(words)} is no loopback address")


@case(deadline=60)
def ctrl_c_in_the_foreground_stops_nuri_and_apps_run_on(own_realm):
    realm = own_realm
    realm.push("site", static_site(realm.scratch / "site", "on and on\n"))
    shims = realm.machine.shims()
    os.kill(realm.machine.process("up"), signal.SIGTERM)
    until(lambda: not any(realm.machine.process(name) for name in
                          ("up", "host", "router", "server")), 20, "Nuri's processes end")
    equal(realm.machine.shims(), shims, "instances")
    front = subprocess.Popen([NURI, "up", *realm.flags()], stdout=subprocess.PIPE, text=True,
                             stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        contains(front.stdout.readline(), "Nuri is up", "what nuri up says")
        until(lambda: realm.get("site").text == "on and on\n", 10, "the app answers")
        equal(realm.machine.shims(), shims, "instances")
    finally:
        os.killpg(front.pid, signal.SIGINT)
        equal(front.wait(20), 0, "exit code of nuri up after Ctrl-C")


@case(deadline=60)
def a_nuri_whose_every_process_was_killed_comes_up_again_and_finds_its_apps(own_realm):
    realm = own_realm
    realm.push("site", static_site(realm.scratch / "site", "found again\n"))
    shims = realm.machine.shims()
    realm.kill("up", "host", "router", "server")
    equal(realm.machine.shims(), shims, "instances")
    realm.up()
    until(lambda: realm.get("site").text == "found again\n", 20, "the app answers")
    until(lambda: len(realm.running("site")) == 1, 20, "the instance is known")
    equal(realm.machine.shims(), shims, "instances")
    equal(request(realm.api_port, "/healthz").status, 200, "health")


@case(deadline=20)
def a_realms_name_that_cannot_be_is_refused(realm):
    done = subprocess.run([NURI, "up", "--realm", "No/Good"], capture_output=True, text=True,
                          check=False)
    equal(done.returncode, 64, "exit code")
    contains(done.stderr, "--realm", "the error")

"""What a person alone does first: push a directory, get a URL."""

import json
import subprocess

from harness.http_load import Load
from harness.runner import case
from harness.sources import APPS, EXAMPLES, copy_of, replace, static_site
from harness.waiting import check, contains, equal


def pushed(realm, example):
    """Its folder: an example under its short name, pushed by the first case that needs it."""
    folder = realm.scratch / example
    if not folder.exists():
        copy_of(EXAMPLES / f"hello-{example}", folder)
        realm.push(example, folder)
    return folder


@case(deadline=60)
def a_directory_of_static_files_is_pushed_and_its_url_answers(realm):
    folder = pushed(realm, "static")
    said = realm.push("static", folder)
    contains(said, f"http://static.localhost:{realm.port}", "what push says")
    page = (folder / "public/index.html").read_text()
    equal(realm.text_of("static"), page, "the page")
    equal(realm.get("static", "/nowhere").status, 404, "status of a page that is not there")


@case(deadline=20)
def curl_resolves_the_url_that_push_prints(realm):
    pushed(realm, "static")
    url = realm.json("app", "static")["routes"][0]
    equal(url, f"http://static.localhost:{realm.port}", "the app's URL")
    done = subprocess.run(["curl", "-sS", "--noproxy", "*", "--max-time", "10", url],
                          capture_output=True, text=True, check=False)
    equal(done.returncode, 0, f"curl {url} ({done.stderr})")
    contains(done.stdout, "<html", "what curl got")


@case(deadline=150)
def a_node_app_is_pushed_and_its_url_answers(realm):
    pushed(realm, "node")
    contains(realm.text_of("node"), "Hello from Node.js v", "what the app says")


@case(deadline=60)
def a_one_line_change_of_a_node_app_is_served_after_a_push_and_no_request_is_lost(realm):
    folder = pushed(realm, "node")
    replace(folder / "server.js", "Hello from Node.js", "Good day from Node.js")
    with Load(realm.port, "node.localhost") as load:
        realm.push("node", folder)
        load.until_more(20)
    load.expect_none_lost()
    contains(realm.text_of("node"), "Good day from Node.js", "what the app says")


@case(deadline=150)
def a_python_app_is_pushed_and_its_url_answers(realm):
    pushed(realm, "python")
    contains(realm.text_of("python"), "Hello from Python 3.", "what the app says")


@case(deadline=30)
def pushing_what_did_not_change_starts_nothing_anew(realm):
    folder = pushed(realm, "static")
    shims = set(realm.machine.shims())
    done = realm.json("push", "static", "-p", folder)
    equal(done["apps"][0]["unchanged"], True, "whether push found nothing changed")
    equal(set(realm.machine.shims()), shims, "instances")


@case(deadline=30)
def a_directory_that_is_no_app_is_refused_with_what_was_looked_for(realm):
    folder = realm.scratch / "nothing"
    folder.mkdir()
    (folder / "notes.bin").write_text("nothing that anyone can run\n")
    said = realm.fails("push", "nothing", "-p", folder)
    for word in ("package.json", "requirements.txt", "index.html", "Procfile"):
        contains(said, word, "what push says")


@case(deadline=10)
def pushing_a_directory_that_does_not_exist_names_it(realm):
    contains(realm.fails("push", "ghost", "-p", realm.scratch / "no-such"), "no-such", "the error")


@case(deadline=60)
def a_manifest_says_how_an_app_is_run(realm):
    folder = copy_of(APPS / "probe", realm.scratch / "from-manifest")
    (folder / "manifest.yml").write_text(
        "applications:\n- name: from-manifest\n  memory: 96M\n  disk_quota: 200M\n"
        "  instances: 2\n  env:\n    GREETING: hi\n  routes:\n"
        "  - route: from-manifest.localhost\n  - route: other.localhost/deep\n"
        "  health-check-type: http\n  health-check-http-endpoint: /env\n")
    realm.nuri("push", cwd=folder)
    contains(realm.text_of("from-manifest"), "hi", "the app's answer")
    equal(realm.get("other", "/deep").text, "nothing here", "its other route's answer")
    web = realm.json("app", "from-manifest")["processes"][0]
    equal((web["instances"], web["memory_in_mb"], web["disk_in_mb"], web["health_check_type"]),
          (2, 96, 200, "http"), "instances, memory, disk, health check")
    realm.remove_app("from-manifest")


@case(deadline=60)
def an_unknown_key_of_a_manifest_is_named_with_its_line(realm):
    folder = static_site(realm.scratch / "odd", "odd\n")
    (folder / "manifest.yml").write_text(
        "applications:\n- name: odd\n  memory: 64M\n  warp-drive: yes\n")
    done = realm.run("push", "odd", "-p", folder)
    said = done.stdout + done.stderr
    contains(said, "warp-drive", "what push says")
    contains(said, "line 4", "what push says")
    (folder / "manifest.yml").write_text("applications:\n- name: odd\n  memory: plenty\n")
    contains(realm.fails("push", "odd", "-p", folder), "line 3", "what push says of a wrong type")
    realm.remove_app("odd")


@case(deadline=60)
def what_nuriignore_lists_stays_behind(realm):
    folder = static_site(realm.scratch / "ignoring", "in\n")
    (folder / "secret.txt").write_text("out\n")
    (folder / ".nuriignore").write_text("secret.txt\n")
    realm.push("ignoring", folder)
    equal(realm.text_of("ignoring"), "in\n", "the page")
    equal(realm.get("ignoring", "/secret.txt").status, 404, "status of what is ignored")
    realm.remove_app("ignoring")


@case(deadline=60)
def only_files_that_the_server_lacks_are_uploaded(realm):
    folder = static_site(realm.scratch / "twice", "small\n")
    blob = bytes(range(256)) * 40_000
    (folder / "large.bin").write_bytes(blob)
    realm.push("twice", folder)
    (folder / "index.html").write_text("smaller\n")
    said = realm.push("twice", folder)
    check("1 new" in said, f"push did not say that one file was new:\n{said}")
    equal(realm.get("twice", "/large.bin").body == blob, True, "whether the large file is whole")
    realm.remove_app("twice")


@case(deadline=20)
def the_api_answers_on_its_own_address_whatever_the_host(realm):
    from harness.nuri_cli import request
    for host in ("127.0.0.1", "static.localhost", "nowhere.example"):
        links = json.loads(request(realm.api_port, "/", host=host).body)["links"]
        check("cloud_controller_v3" in links, f"no root document for Host {host}")
    equal(request(realm.port, "/", host="nobody.localhost").status, 404,
          "status of a host without an app")

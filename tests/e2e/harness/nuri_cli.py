"""The command line and the API as a user has them."""

import http.client
import json
import os
import signal
import subprocess
import urllib.parse

from .waiting import Failed, check

_COMMAND_S = 120


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def text(self):
        return self.body.decode(errors="replace")

    def json(self):
        return json.loads(self.body)


def request(port, path="/", method="GET", host=None, headers=None, body=None, seconds=15):
    """One request to 127.0.0.1 on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)
    try:
        sent = dict(headers or {})
        if host:
            sent["Host"] = host
        connection.request(method, path, body=body, headers=sent)
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read())
    except http.client.HTTPException as error:
        raise OSError(f"{method} {path}: {error!r}") from error
    finally:
        connection.close()


class Cli:
    """`nuri` for one API, with a home of its own."""

    def __init__(self, program, api, home, realm=None):
        self.program, self.api_url, self.home = str(program), api, home
        self.realm_name = realm
        self._token = None

    def environment(self):
        kept = {key: value for key, value in os.environ.items() if not key.startswith("NURI_")}
        kept |= {"NURI_HOME": str(self.home), "NURI_API": self.api_url, "TZ": "UTC"}
        if self.realm_name:
            kept["NURI_REALM"] = self.realm_name
        return kept

    def run(self, *words, seconds=_COMMAND_S, cwd=None, stdin=""):
        """Runs `nuri words…` to its end, whatever its exit code."""
        return subprocess.run([self.program, *map(str, words)], capture_output=True, text=True,
                              input=stdin, timeout=seconds, cwd=cwd, env=self.environment(),
                              check=False, errors="replace")

    def nuri(self, *words, **how):
        """Its standard output; Failed if its exit code is not 0."""
        done = self.run(*words, **how)
        check(done.returncode == 0, lambda: f"nuri {' '.join(map(str, words))} ended with "
              f"{done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def fails(self, *words, **how):
        """What it wrote; Failed if its exit code is 0."""
        done = self.run(*words, **how)
        check(done.returncode != 0, lambda: f"nuri {' '.join(map(str, words))} ended with 0, an "
              f"error was wanted:\n{done.stdout}{done.stderr}")
        check(done.returncode > 0, f"nuri {' '.join(map(str, words))}: signal {-done.returncode}")
        return done.stdout + done.stderr

    def json(self, *words, **how):
        return json.loads(self.nuri(*words, "--json", **how))

    def start(self, *words, cwd=None):
        """A process in a process group of its own, its output in .stdout and .stderr (text)."""
        return subprocess.Popen([self.program, *map(str, words)], stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True,
                                cwd=cwd, env=self.environment(), start_new_session=True,
                                errors="replace")

    # ---- apps ------------------------------------------------------------------------------------
    def push(self, name, folder, *flags, **how):
        return self.nuri("push", name, "-p", folder, *flags, **how)

    def get(self, app, path="/", **how):
        return request(self.port, path, host=f"{app}.localhost", **how)

    def text_of(self, app, path="/"):
        answer = self.get(app, path)
        check(answer.status == 200, f"{app}{path} answered {answer.status}: {answer.text[:300]}")
        return answer.text

    def instances(self, app):
        """Details of the web process's instances, as `nuri app --json` has them."""
        for process in self.json("app", app)["processes"]:
            if process["type"] == "web":
                return process["instance_details"]
        return []

    def running(self, app):
        return [one for one in self.instances(app) if one["state"] == "running"]

    def remove_app(self, name):
        self.run("delete", name, "-f", "-r")

    # ---- API -------------------------------------------------------------------------------------
    def token(self):
        if self._token is None:
            form = urllib.parse.urlencode({"grant_type": "password", "username": "admin",
                                           "password": self.password()})
            answer = request(self.api_port, "/oauth/token", "POST", body=form, headers={
                "Content-Type": "application/x-www-form-urlencoded",
                "Authorization": "Basic Y2Y6"})
            check(answer.status == 200, f"no token: {answer.status} {answer.text}")
            self._token = answer.json()["access_token"]
        return self._token

    def api(self, method, path, body=None, token=None, seconds=30):
        """An Answer of the API, as the administrator unless `token` says otherwise."""
        headers = {"Accept": "application/json", "Content-Type": "application/json",
                   "Authorization": f"bearer {token or self.token()}"}
        text = None if body is None else json.dumps(body)
        return request(self.api_port, path, method, headers=headers, body=text, seconds=seconds)

    def api_json(self, method, path, body=None):
        answer = self.api(method, path, body)
        check(answer.status < 300, f"{method} {path}: {answer.status} {answer.text[:500]}")
        return answer.json() if answer.body else {}

    def guid(self, app):
        found = self.api_json("GET", f"/v3/apps?names={app}")["resources"]
        check(len(found) == 1, f"there are {len(found)} apps of the name {app}")
        return found[0]["guid"]


def interrupt(process):
    """Ctrl-C in the terminal of a process from Cli.start."""
    os.killpg(process.pid, signal.SIGINT)


def end_of(process, seconds):
    """What a process from Cli.start wrote and its exit code; it is killed when late."""
    try:
        text, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        text, _ = process.communicate()
        raise Failed(f"{' '.join(process.args)} did not end within {seconds} s:\n{text}") from None
    return text, process.returncode

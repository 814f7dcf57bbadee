"""Who may use the API, and how the command line logs in."""

import json
import os

from harness.nuri_cli import Cli, request
from harness.runner import case
from harness.waiting import check, contains, equal

OPEN = ("/", "/v3", "/healthz", "/login")
GUARDED = """
GET /v3/apps|POST /v3/apps|GET /v3/apps/GUID|PATCH /v3/apps/GUID|DELETE /v3/apps/GUID
POST /v3/apps/GUID/actions/start|POST /v3/apps/GUID/actions/stop|POST /v3/apps/GUID/actions/restart
GET /v3/apps/GUID/env|GET /v3/apps/GUID/environment_variables
PATCH /v3/apps/GUID/environment_variables|GET /v3/apps/GUID/droplets/current
PATCH /v3/apps/GUID/relationships/current_droplet|GET /v3/apps/GUID/processes
POST /v3/apps/GUID/processes/web/actions/scale|GET /v3/apps/GUID/routes
DELETE /v3/apps/GUID/processes/web/instances/0|GET /v3/apps/GUID/manifest
GET /v3/apps/GUID/revisions|GET /v3/apps/GUID/features/revisions|GET /v3/processes
GET /v3/processes/GUID|PATCH /v3/processes/GUID|GET /v3/processes/GUID/stats
POST /v3/packages|GET /v3/packages|GET /v3/packages/GUID|POST /v3/packages/GUID/upload
POST /v3/resource_matches|POST /v3/builds|GET /v3/builds/GUID|GET /v3/droplets/GUID
POST /v3/deployments|GET /v3/deployments|GET /v3/deployments/GUID
POST /v3/deployments/GUID/actions/cancel|GET /v3/audit_events|GET /v3/domains
GET /v3/organizations|GET /v3/spaces|GET /v3/routes|POST /v3/routes|DELETE /v3/routes/GUID
POST /v3/routes/GUID/destinations|DELETE /v3/routes/GUID/destinations/GUID|GET /v3/jobs/GUID
POST /v3/spaces/GUID/actions/apply_manifest|POST /v3/spaces/GUID/manifest_diff
GET /api/v1/read/GUID|GET /v3/users|GET /v3/roles|GET /v3/buildpacks|GET /v3/stacks
GET /v3/nuri/certificates|POST /v3/nuri/certificates|GET /v3/nuri/certificates/GUID
DELETE /v3/nuri/certificates/GUID|GET /v3/nuri/certificate_orders|PATCH /v3/domains/GUID
"""
_GUID = "11111111-2222-4333-8444-555555555555"


@case(deadline=60)
def every_endpoint_but_the_root_documents_needs_a_token(realm):
    for path in OPEN:
        equal(request(realm.api_port, path).status, 200, f"status of {path} without a token")
    for line in GUARDED.replace("|", "\n").split("\n"):
        if not line:
            continue
        method, path = line.replace("GUID", _GUID).split(" ")
        for token in (None, "bearer " + "x" * 40, "bearer a.b.c", "basic YTpi"):
            answer = request(realm.api_port, path, method, headers={
                "Authorization": token} if token else {}, body="{}" if method != "GET" else None)
            equal(answer.status, 401, f"status of {line} with the token {token}")
        error = answer.json()["errors"][0]
        equal((error["title"], error["code"]), ("CF-InvalidAuthToken", 1000), f"error of {line}")


@case(deadline=30)
def a_wrong_password_is_refused_and_the_right_one_logs_in(realm):
    ann = Cli(realm.program, realm.api_url, realm.scratch / "ann")
    contains(ann.fails("apps"), "nuri login", "what apps says without a login")
    done = ann.run("login", "-u", "admin", "-p", "wrong" + realm.password()[:4])
    equal(done.returncode, 77, f"exit code of a login with a wrong password ({done.stderr})")
    check(ann.run("apps").returncode == 77, "logged in with a wrong password")
    ann.nuri("login", "-u", "admin", "-p", realm.password())
    ann.nuri("apps")
    kept = realm.scratch / "ann/config.json"
    equal(oct(kept.stat().st_mode & 0o777), "0o600", "mode of the file with the tokens")
    check(realm.password() not in kept.read_text(), "the password is kept in the file")
    ann.nuri("logout")
    equal(ann.run("apps").returncode, 77, "exit code of apps after logout")


@case(deadline=20)
def the_administrators_password_is_for_its_owner_alone(realm):
    file = realm.state / "server/admin.json"
    equal(oct(file.stat().st_mode & 0o777), "0o600", f"mode of {file}")
    check(len(realm.password()) >= 16, "the password is short")
    database = b"".join(path.read_bytes() for path in (realm.state / "server").glob("nuri.db*"))
    check(realm.password().encode() not in database, "the database holds the password itself")
    check(b"$argon2id$" in database, "the database has no argon2id hash")
    check(os.stat(realm.state / "server").st_mode & 0o077 == 0, "others may enter the folder")


@case(deadline=20)
def a_refresh_token_is_good_for_a_new_token_once(realm):
    def grant(**fields):
        return request(realm.api_port, "/oauth/token", "POST", headers={
            "Authorization": "Basic Y2Y6", "Content-Type": "application/x-www-form-urlencoded"},
            body="&".join(f"{key}={value}" for key, value in fields.items()))
    first = grant(grant_type="password", username="admin", password=realm.password()).json()
    equal(first["token_type"], "bearer", "token_type")
    answer = grant(grant_type="refresh_token", refresh_token=first["refresh_token"])
    equal(answer.status, 200, "status of a refresh")
    equal(realm.api("GET", "/v3/apps", token=answer.json()["access_token"]).status, 200,
          "status with the new token")
    equal(grant(grant_type="refresh_token", refresh_token="x" * 40).status, 401,
          "status of a refresh with a token that is none")


@case(deadline=20)
def errors_and_pages_have_cloud_foundrys_shape(realm):
    error = realm.api("GET", f"/v3/apps/{_GUID}").json()["errors"][0]
    equal((error["code"], error["title"], error["detail"]),
          (10010, "CF-ResourceNotFound", "App not found"), "error")
    equal(realm.api("GET", "/v3/nowhere").json()["errors"][0]["detail"], "Unknown request",
          "detail of an unknown path")
    page = realm.api_json("GET", "/v3/apps?per_page=1&order_by=name")
    check("pagination" in page and isinstance(page["resources"], list), "no page")
    equal(realm.api("GET", "/v3/apps?per_page=0").status, 400, "status of per_page=0")
    equal(realm.api("POST", "/v3/apps", {"name": 7}).status, 422, "status of a wrong type")
    equal(request(realm.api_port, "/v3/apps", "POST", body="{", headers={
        "Authorization": f"bearer {realm.token()}"}).status, 400, "status of broken JSON")
    json.loads(request(realm.api_port, "/v3/info").body or b"{}")

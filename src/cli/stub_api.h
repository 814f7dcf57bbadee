#pragma once

// For tests: as much of the API as a push needs, in memory, with one app. It notes every request.

#include <map>
#include <string>
#include <vector>

#include "async/event.h"
#include "base/json.h"
#include "cli/json_path.h"
#include "http/multipart.h"
#include "http/service.h"

namespace nuri::cli {

class StubApi final : public http::Service {
 public:
  std::vector<std::string> asked;  // "POST /v3/builds"
  std::string manifest;
  json::value uploaded_resources;
  std::string uploaded_zip;
  std::string package_digest;              // of the package that the current droplet was made from
  json::object meta{{"apps_port", 8080}};  // of the API
  json::array known;                       // what resource_matches gives back
  std::string build_state = "STAGED";
  bool hold_build = false;  // the build never ends
  async::Event build_asked;
  bool app_there = false;
  std::string app_state = "STOPPED";
  std::string deployment_reason = "DEPLOYED", deployment_error;
  std::string instance_state = "RUNNING";
  int refuse_tokens = 0;  // so many requests are answered 401
  int logins = 0;

  bool was_asked(const std::string& line) const {
    return std::ranges::find(asked, line) != asked.end();
  }

  Task<void> serve(http::Request& request, http::Response& response) override {
    const std::string line = request.method + " " + request.path;
    asked.push_back(line);
    if (line == "POST /v3/packages/p/upload")
      co_await take_upload(request);
    else if (line == "POST /v3/spaces/s/actions/apply_manifest") {
      manifest = *co_await http::read_all(*request.body, 1 << 20);
      app_there = true;
      co_await send(response, 202, nullptr, {{"Location", "http://stub/v3/jobs/j"}});
      co_return;
    }
    if (line == "POST /oauth/token") {
      ++logins;
      co_await send(response, 200,
                    {{"access_token", "t"}, {"refresh_token", "r"}, {"expires_in", 600}});
      co_return;
    }
    if (refuse_tokens > 0) {
      --refuse_tokens;
      co_await send(response, 401, json::parse(R"({"errors":[{"code":1000,
          "title":"CF-InvalidAuthToken","detail":"Invalid Auth Token"}]})"));
      co_return;
    }
    if (line == "GET /v3/builds/b") {
      build_asked.set();
      async::Event never;
      if (hold_build && !co_await never.wait()) co_return;
    }
    if (line == "POST /v3/apps/a/actions/start" || line == "POST /v3/deployments")
      app_state = "STARTED";
    if (line == "DELETE /v3/apps/a") app_there = false;
    const json::value answer = answer_to(line);
    if (answer.is_null())
      co_await send(
          response, 404,
          json::parse(R"({"errors":[{"code":10010,"title":"CF-ResourceNotFound","detail":"x"}]})"));
    else
      co_await send(response, request.method == "POST" ? 201 : 200, answer);
  }

 private:
  static Task<void> send(http::Response& response, int status, json::value body,
                         http::Headers headers = {}) {
    headers.set("Content-Type", "application/json");
    (void)co_await response.send(status, std::move(headers),
                                 body.is_null() ? std::string() : json::serialize(body));
  }

  Task<void> take_upload(http::Request& request) {
    const auto type = request.headers.get("Content-Type");
    http::MultipartReader reader(*request.body, *http::MultipartReader::boundary_of(*type));
    for (;;) {
      auto part = co_await reader.next();
      if (!part || !*part) co_return;
      const std::string text = *co_await http::read_all(*(*part)->body, 1 << 26);
      if ((*part)->name == "resources") uploaded_resources = json::parse(text);
      if ((*part)->name == "bits") uploaded_zip = text;
    }
  }

  json::value list(json::array resources) const {
    return json::object{{"pagination", {{"next", nullptr}}}, {"resources", std::move(resources)}};
  }

  json::object app() const {
    return {{"guid", "a"},
            {"name", "hello"},
            {"state", app_state},
            {"lifecycle", {{"type", "buildpack"}, {"data", json::object()}}}};
  }

  json::object deployment() const {
    return {{"guid", "d"},
            {"status",
             {{"value", "FINALIZED"},
              {"reason", deployment_reason},
              {"details", {{"error", deployment_error}}}}},
            {"relationships", {{"app", {{"data", {{"guid", "a"}}}}}}}};
  }

  json::value answer_to(const std::string& line) const {
    const std::map<std::string, json::value> answers{
        {"GET /", {{"links", {{"self", {{"meta", meta}}}}}}},
        {"GET /v3/spaces", list({json::object{{"guid", "s"}, {"name", "default"}}})},
        {"GET /v3/apps", list(app_there ? json::array{app()} : json::array())},
        {"GET /v3/apps/a", app()},
        {"DELETE /v3/apps/a", json::object()},
        {"GET /v3/jobs/j", {{"state", "COMPLETE"}}},
        {"POST /v3/resource_matches", {{"resources", known}}},
        {"POST /v3/packages", {{"guid", "p"}}},
        {"GET /v3/packages", list({json::object{{"guid", "p"}}})},
        {"POST /v3/packages/p/upload", {{"guid", "p"}}},
        {"GET /v3/packages/p",
         {{"state", "READY"},
          {"data", {{"checksum", {{"type", "sha256"}, {"value", package_digest}}}}}}},
        {"POST /v3/builds", {{"guid", "b"}, {"state", "STAGING"}}},
        {"GET /v3/builds/b",
         {{"state", build_state}, {"error", "nothing detected"}, {"droplet", {{"guid", "dr"}}}}},
        {"GET /api/v1/read/a", {{"envelopes", {{"batch", json::array()}}}}},
        {"PATCH /v3/apps/a/relationships/current_droplet", json::object()},
        {"POST /v3/apps/a/actions/start", app()},
        {"POST /v3/apps/a/actions/stop", app()},
        {"GET /v3/deployments", list({deployment()})},
        {"POST /v3/deployments", deployment()},
        {"GET /v3/deployments/d", deployment()},
        {"GET /v3/apps/a/processes", list({json::object{{"guid", "w"}, {"type", "web"}}})},
        {"GET /v3/processes/w",
         {{"guid", "w"}, {"type", "web"}, {"instances", 1}, {"memory_in_mb", 256}}},
        {"GET /v3/processes/w/stats",
         list({json::object{{"index", 0}, {"state", instance_state}, {"uptime", 3}}})},
        {"GET /v3/apps/a/env", {{"environment_variables", json::object()}}},
        {"GET /v3/apps/a/routes", list({json::object{{"guid", "r"}, {"url", "hello.localhost"}}})},
        {"DELETE /v3/routes/r", json::object()},
        {"GET /v3/apps/a/droplets/current",
         {{"guid", "dr"}, {"links", {{"package", {{"href", "http://stub/v3/packages/p"}}}}}}},
    };
    const auto found = answers.find(line);
    return found == answers.end() ? json::value(nullptr) : found->second;
  }
};

}  // namespace nuri::cli

#include "api/cf/resources.h"

namespace nuri::api {
namespace {

// The version of CAPI v3 that clients may take this for: what they use from there on must exist.
constexpr std::string_view kApiVersion = "3.180.0";

json::object href(const Parts& parts, std::string_view path) {
  return {{"href", parts.url + std::string(path)}};
}

json::object root_json(const Parts& parts) {
  json::object self = href(parts, "");
  json::object meta{{"apps_port", parts.apps_port}};
  if (parts.apps_tls_port != 0) meta["apps_tls_port"] = parts.apps_tls_port;
  self["meta"] = std::move(meta);
  json::object v3 = href(parts, "/v3");
  v3["meta"] = json::object{{"version", kApiVersion}};
  // Null: a part of Cloud Foundry that is not there.
  json::object links{{"self", std::move(self)},
                     {"cloud_controller_v2", nullptr},
                     {"cloud_controller_v3", std::move(v3)},
                     {"login", href(parts, "")},
                     {"uaa", href(parts, "")},
                     {"log_cache", href(parts, "")},
                     {"logging", nullptr},
                     {"log_stream", nullptr},
                     {"network_policy_v0", nullptr},
                     {"network_policy_v1", nullptr},
                     {"routing", nullptr},
                     {"credhub", nullptr},
                     {"app_ssh", nullptr}};
  return {{"links", std::move(links)}};
}

json::object v3_json(const Parts& parts) {
  json::object links{{"self", href(parts, "/v3")}};
  for (const std::string_view noun :
       {"apps", "audit_events", "builds", "buildpacks", "deployments", "domains", "droplets",
        "feature_flags", "jobs", "organizations", "packages", "processes", "resource_matches",
        "revisions", "roles", "routes", "spaces", "stacks", "users"})
    links.emplace(noun, href(parts, "/v3/" + std::string(noun)));
  return {{"links", std::move(links)}};
}

Task<void> answer_json(http::Response& response, std::string text) {
  (void)co_await response.send(200, {{"Content-Type", "application/json; charset=utf-8"}},
                               std::move(text));
}

Task<void> answer_text(http::Response& response, std::string text) {
  (void)co_await response.send(200, {{"Content-Type", "text/plain; charset=utf-8"}},
                               std::move(text));
}

}  // namespace

void add_root(Routes& routes) {
  const auto add = [&](std::string_view pattern, json::object (*document)(const Parts&)) {
    routes.add_open(pattern, [text = json::serialize(document(routes.parts()))](
                                 http::Request&, http::Response& response, http::Params) {
      return answer_json(response, text);
    });
  };
  add("GET /", root_json);
  add("GET /v3", v3_json);
  routes.add_open("GET /healthz", [](http::Request&, http::Response& response, http::Params) {
    return answer_text(response, "ok");
  });
}

}  // namespace nuri::api

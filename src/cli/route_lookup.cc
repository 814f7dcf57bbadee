#include "cli/route_lookup.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/domain_lookup.h"

namespace nuri::cli {
namespace {

Task<std::string> domain_guid(Api& api, std::string name) {
  co_return text_at(co_await require_domain(api, std::move(name)), "/guid");
}

// "host.domain" where `domain` is one of the API's: the longest that fits.
Task<RouteName> taken_apart(Api& api, RouteName name) {
  if (const std::size_t slash = name.domain.find('/'); slash != name.domain.npos) {
    if (name.path.empty()) name.path = name.domain.substr(slash);
    name.domain.resize(slash);
  }
  if (!name.host.empty()) co_return name;
  std::string best;
  for (const json::value& one : co_await api.list("/v3/domains")) {
    const std::string domain = text_at(one, "/name");
    if (domain == name.domain) co_return name;
    if (name.domain.ends_with("." + domain) && domain.size() > best.size()) best = domain;
  }
  if (best.empty()) co_return name;
  name.host = name.domain.substr(0, name.domain.size() - best.size() - 1);
  name.domain = best;
  co_return name;
}

}  // namespace

std::string RouteName::str() const {
  return fmt::format("{}{}{}{}", host, host.empty() ? "" : ".", domain, path);
}

Task<RouteName> route_name(Command& command) {
  RouteName name;
  name.domain = command.arguments.get("DOMAIN");
  name.host = command.arguments.get("--hostname");
  name.path = command.arguments.get("--path");
  if (!name.path.empty() && !name.path.starts_with('/')) name.path = "/" + name.path;
  co_return co_await taken_apart(command.api, name);
}

Task<json::value> find_route(Command& command, RouteName name, std::string space_guid) {
  const std::string domain = co_await domain_guid(command.api, name.domain);
  const json::value found =
      co_await command.api.get(with_query("/v3/routes", {{"domain_guids", domain},
                                                         {"hosts", name.host},
                                                         {"paths", filter_value(name.path)},
                                                         {"space_guids", space_guid}}));
  const json::array& routes = array_at(found, "/resources");
  co_return routes.empty() ? json::value(nullptr) : routes[0];
}

Task<json::value> create_route(Command& command, RouteName name, std::string space_guid) {
  json::object body;
  body["host"] = name.host;
  if (!name.path.empty()) body["path"] = name.path;
  body["relationships"] = {
      {"space", {{"data", {{"guid", space_guid}}}}},
      {"domain", {{"data", {{"guid", co_await domain_guid(command.api, name.domain)}}}}}};
  const Answer made = co_await command.api.send("POST", "/v3/routes", std::move(body));
  co_return made.body;
}

std::string destination_of(const json::value& route, std::string_view app_guid) {
  for (const json::value& one : array_at(route, "/destinations"))
    if (text_at(one, "/app/guid") == app_guid) return text_at(one, "/guid");
  return {};
}

}  // namespace nuri::cli

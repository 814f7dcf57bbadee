#include "plan/route_table.h"

#include <algorithm>
#include <map>
#include <memory>

#include "base/error.h"
#include "base/json.h"

namespace nuri::plan {
namespace {

using Key = std::pair<AppGuid, std::string>;  // app, process type
using Settings = std::shared_ptr<const model::RouteSettings>;

std::map<Key, std::vector<const model::Instance*>> by_process(const RouteRows& rows) {
  std::map<ProcessGuid, Key> keys;
  for (const auto& process : rows.processes) keys[process.guid] = {process.app, process.type};
  std::map<Key, std::vector<const model::Instance*>> out;
  for (const auto& instance : rows.instances) {
    const auto key = keys.find(instance.process);
    if (instance.routable && key != keys.end()) out[key->second].push_back(&instance);
  }
  return out;
}

std::string full_host(const model::Route& route, const model::Domain& domain) {
  return route.host.empty() ? domain.name : route.host + "." + domain.name;
}

// Options that cannot be read (of a later version) close their route: they may be what keeps others
// out.
Settings settings_of(const model::Route& route) {
  if (route.options.empty()) return nullptr;
  try {
    auto settings =
        model::parse_route_settings(json::parse_object(route.options), model::UnknownKeys::ignored);
    if (settings == model::RouteSettings()) return nullptr;
    return std::make_shared<const model::RouteSettings>(std::move(settings));
  } catch (const Error& error) {
    model::RouteSettings closed;
    closed.maintenance.emplace().text =
        "The options of this route cannot be read: " + error.message();
    return std::make_shared<const model::RouteSettings>(std::move(closed));
  }
}

// As `of`, and what comes without TLS is sent to https. Most routes set nothing: they share one.
Settings with_https_redirect(const Settings& of) {
  static const auto kNothingElse = [] {
    model::RouteSettings settings;
    settings.https_redirect = true;
    return std::make_shared<const model::RouteSettings>(std::move(settings));
  }();
  if (!of) return kNothingElse;
  if (of->https_redirect) return of;
  model::RouteSettings settings = *of;
  settings.https_redirect = true;
  return std::make_shared<const model::RouteSettings>(std::move(settings));
}

}  // namespace

std::vector<model::RouteEntry> route_table(
    const RouteRows& rows,
    const std::function<std::string(const InstanceGuid&, int port)>& upstream) {
  const auto instances = by_process(rows);
  std::map<DomainGuid, const model::Domain*> domains;
  for (const auto& domain : rows.domains) domains[domain.guid] = &domain;
  std::multimap<RouteGuid, const model::Destination*> destinations;
  for (const auto& destination : rows.destinations)
    destinations.emplace(destination.route, &destination);

  std::vector<model::RouteEntry> table;
  for (const auto& route : rows.routes) {
    const auto domain = domains.find(route.domain);
    if (domain == domains.end() || route.protocol != model::RouteProtocol::http) continue;
    model::RouteEntry entry{full_host(route, *domain->second), route.path, {}, {}};
    entry.settings = settings_of(route);
    if (domain->second->https_redirect) entry.settings = with_https_redirect(entry.settings);
    const auto [first, last] = destinations.equal_range(route.guid);
    for (auto it = first; it != last; ++it) {
      const model::Destination& destination = *it->second;
      if (entry.app.empty()) entry.app = destination.app.str();
      const auto found = instances.find({destination.app, destination.process_type});
      if (found == instances.end()) continue;
      for (const model::Instance* instance : found->second)
        entry.upstreams.push_back({instance->guid.str(), upstream(instance->guid, destination.port),
                                   destination.port, instance->index,
                                   destination.weight.value_or(1), destination.protocol});
    }
    if (first != last) table.push_back(std::move(entry));
  }
  std::sort(table.begin(), table.end(), [](const auto& a, const auto& b) {
    return std::tie(a.host, a.path) < std::tie(b.host, b.path);
  });
  return table;
}

}  // namespace nuri::plan

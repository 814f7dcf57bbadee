#include "api/cf/route_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "api/cf/apps.h"
#include "api/cf/metadata_json.h"
#include "api/cf/route_options.h"

namespace nuri::api {
namespace {

using model::Destination;
using model::Domain;
using model::Route;
using store::Query;

// Of an instance, where a destination names none.
constexpr int kInstancePort = 8080;

json::value number_or_null(int number) {
  if (number == 0) return nullptr;
  return number;
}

Target target_of(store::Reader& reader, const Route& route) {
  return {route.guid.str(), "route", model::url(route, reader.get(route.domain)), route.space, {}};
}

template <class G, class T, class Of>
std::vector<G> guids_of(const std::vector<T>& all, Of of) {
  std::vector<G> out;
  for (const T& one : all) out.push_back(of(one));
  std::ranges::sort(out);
  out.erase(std::ranges::unique(out).begin(), out.end());
  return out;
}

}  // namespace

RouteRows route_rows(store::Reader& reader, Route route) {
  Domain domain = reader.get(route.domain);
  auto destinations = destinations_of(reader, route.guid);
  return {std::move(route), std::move(domain), std::move(destinations)};
}

std::vector<RouteRows> route_rows(store::Reader& reader, std::vector<Route> routes) {
  std::map<DomainGuid, Domain> domains;
  for (Domain& domain : reader.all(Query<Domain>().any(
           &Domain::guid,
           guids_of<DomainGuid>(routes, [](const Route& route) { return route.domain; }))))
    domains.emplace(domain.guid, std::move(domain));
  std::map<RouteGuid, std::vector<Destination>> destinations;
  for (Destination& one : reader.all(Query<Destination>().any(
           &Destination::route,
           guids_of<RouteGuid>(routes, [](const Route& route) { return route.guid; }))))
    destinations[one.route].push_back(std::move(one));
  std::vector<RouteRows> out;
  for (Route& route : routes) {
    RouteRows& rows = out.emplace_back();
    rows.domain = domains.at(route.domain);
    rows.destinations = std::move(destinations[route.guid]);
    rows.route = std::move(route);
  }
  return out;
}

json::object destination_json(const Destination& destination) {
  json::value weight;
  if (destination.weight) weight = *destination.weight;
  return {{"guid", destination.guid.str()},
          {"app", json::object{{"guid", destination.app.str()},
                               {"process", json::object{{"type", destination.process_type}}}}},
          {"port", destination.port == 0 ? kInstancePort : destination.port},
          {"protocol", model::to_text(destination.protocol)},
          {"weight", std::move(weight)},
          {"created_at", rfc3339(destination.created_at)},
          {"updated_at", rfc3339(destination.updated_at)}};
}

json::object route_json(const Call& call, const RouteRows& rows) {
  const Route& route = rows.route;
  const std::string self = "/v3/routes/" + route.guid.str();
  json::array destinations;
  for (const Destination& one : rows.destinations) destinations.push_back(destination_json(one));
  return {{"guid", route.guid.str()},
          {"created_at", rfc3339(route.created_at)},
          {"updated_at", rfc3339(route.updated_at)},
          {"protocol", model::to_text(route.protocol)},
          {"host", route.host},
          {"path", route.path},
          {"port", number_or_null(route.port)},
          {"url", model::url(route, rows.domain)},
          {"destinations", std::move(destinations)},
          {"options", options_json(route)},
          {"relationships", json::object{{"space", relation_json(route.space.str())},
                                         {"domain", relation_json(route.domain.str())}}},
          {"metadata", metadata_json(route.metadata)},
          {"links", json::object{{"self", call.href(self)},
                                 {"space", call.href("/v3/spaces/" + route.space.str())},
                                 {"domain", call.href("/v3/domains/" + route.domain.str())},
                                 {"destinations", call.href(self + "/destinations")}}}};
}

std::vector<Domain> domains_of(store::Reader& reader, const OrgGuid& org) {
  auto out = reader.all(Query<Domain>().where(&Domain::org, OrgGuid()));
  std::ranges::move(reader.all(Query<Domain>().where(&Domain::org, org)), std::back_inserter(out));
  return out;
}

Domain default_domain(store::Reader& reader, const OrgGuid& org) {
  for (Domain& domain : domains_of(reader, org))
    if (!domain.internal) return std::move(domain);
  throw Error(Code::unprocessable,
              "There is no domain for a default route: create a domain, or push with no-route");
}

std::optional<Route> find_route(store::Reader& reader, const DomainGuid& domain,
                                const std::string& host, const std::string& path) {
  return reader.first(Query<Route>()
                          .where(&Route::domain, domain)
                          .where(&Route::host, host)
                          .where(&Route::path, path));
}

std::vector<Destination> destinations_of(store::Reader& reader, const RouteGuid& route) {
  return reader.all(Query<Destination>().where(&Destination::route, route));
}

void insert_route(store::Writer& tx, const Act& act, const Route& route) {
  model::validate(route);
  tx.insert(route);
  const Target target = target_of(tx, route);
  audit(tx, act, "audit.route.create", target,
        {{"request", json::object{{"host", route.host}, {"path", route.path}}}});
}

void map_route(store::Writer& tx, const Act& act, const Route& route, Destination destination) {
  model::validate(destination);
  const model::App app = tx.get(destination.app);
  if (app.space != route.space)
    throw Error(Code::unprocessable, "Routes cannot be mapped to destinations in different spaces");
  for (const Destination& one : destinations_of(tx, route.guid))
    if (one.app == destination.app && one.process_type == destination.process_type &&
        one.port == destination.port)
      return;
  tx.insert(destination);
  audit(tx, act, "audit.app.map-route", app,
        {{"route_guid", route.guid.str()},
         {"route", model::url(route, tx.get(route.domain))},
         {"process_type", destination.process_type}});
}

void unmap_route(store::Writer& tx, const Act& act, const Destination& destination) {
  const Route route = tx.get(destination.route);
  tx.erase(destination.guid);
  audit(tx, act, "audit.app.unmap-route", tx.get(destination.app),
        {{"route_guid", route.guid.str()},
         {"route", model::url(route, tx.get(route.domain))},
         {"process_type", destination.process_type}});
}

}  // namespace nuri::api

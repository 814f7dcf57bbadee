#pragma once

// Routes and destinations as rows: what /v3/routes, its destinations and manifests share.

#include <optional>
#include <string>
#include <vector>

#include "api/cf/audit.h"
#include "api/cf/call.h"
#include "model/routing.h"
#include "store/store.h"

namespace nuri::api {

// A route with what its answer needs besides.
struct RouteRows {
  model::Route route;
  model::Domain domain;
  std::vector<model::Destination> destinations;
};
RouteRows route_rows(store::Reader& reader, model::Route route);
std::vector<RouteRows> route_rows(store::Reader& reader, std::vector<model::Route> routes);

json::object route_json(const Call& call, const RouteRows& rows);
json::object destination_json(const model::Destination& destination);

// The domains that an org's apps may have routes on: shared ones first, then the org's.
std::vector<model::Domain> domains_of(store::Reader& reader, const OrgGuid& org);
// The one that routes get which name none. Throws Error{unprocessable} if there is none.
model::Domain default_domain(store::Reader& reader, const OrgGuid& org);

std::optional<model::Route> find_route(store::Reader& reader, const DomainGuid& domain,
                                       const std::string& host, const std::string& path);
std::vector<model::Destination> destinations_of(store::Reader& reader, const RouteGuid& route);

// Validates and inserts; writes audit.route.create. Throws Error{unprocessable} in Cloud Foundry's
// words, also for a route that is there.
void insert_route(store::Writer& tx, const Act& act, const model::Route& route);
// Inserts the destination, or nothing if the route goes there already; writes audit.app.map-route.
// Throws Error{unprocessable} if route and app are not in one space.
void map_route(store::Writer& tx, const Act& act, const model::Route& route,
               model::Destination destination);
// Erases it; writes audit.app.unmap-route.
void unmap_route(store::Writer& tx, const Act& act, const model::Destination& destination);

// Where destinations.cc adds its routes.
void add_destinations(Routes& routes);

}  // namespace nuri::api

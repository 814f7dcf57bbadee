#include "api/cf/manifest_routes.h"

#include <fmt/format.h>

#include "api/cf/route_options.h"
#include "api/cf/route_rows.h"
#include "model/text.h"

namespace nuri::api {
namespace {

using model::App;
using model::Destination;
using model::Route;
using model::RouteWish;
using store::Query;

std::vector<Destination> destinations_to(store::Reader& reader, const AppGuid& app) {
  return reader.all(Query<Destination>().where(&Destination::app, app));
}

// Finds or makes the route, in this space, and maps it.
void map_place(store::Writer& tx, const Act& act, const model::Space& space, const App& app,
               const RoutePlace& place, model::DestinationProtocol protocol,
               const json::object& options) {
  auto route = find_route(tx, place.domain.guid, place.host, place.path);
  if (!route) {
    route = made<Route>(act);
    route->space = space.guid;
    route->domain = place.domain.guid;
    route->host = place.host;
    route->path = place.path;
    patch_options(*route, options);
    insert_route(tx, act, *route);
  } else if (route->space != space.guid) {
    throw Error(Code::unprocessable,
                fmt::format("The route {} is in another space: apps must be mapped to routes in "
                            "their own space. Choose another with --hostname or routes",
                            model::url(*route, place.domain)));
  } else if (!options.empty()) {
    patch_options(*route, options);
    route->updated_at = act.now;
    tx.update(*route);
    audit(tx, act, "audit.route.update",
          Target{route->guid.str(), "route", model::url(*route, place.domain), space.guid, {}},
          {{"request", without_hashes({{"options", options}})}});
  }
  auto destination = made<Destination>(act);
  destination.route = route->guid;
  destination.app = app.guid;
  destination.protocol = protocol;
  map_route(tx, act, *route, std::move(destination));
}

std::string host_for(const App& app) {
  std::string host = model::host_of_name(app.name);
  if (host.empty())
    throw Error(Code::unprocessable,
                fmt::format("the name '{}' has nothing that a host name can be made of: name "
                            "routes, or push with no-route",
                            app.name));
  return host;
}

std::string random_host(const App& app, Random& random) {
  constexpr std::size_t kLabel = 63;
  const std::string tail = fmt::format("-{:08x}", random.below(std::uint64_t(1) << 32));
  return host_for(app).substr(0, kLabel - tail.size()) + tail;
}

struct Split {
  std::string name, path;
  int port = 0;
};

Split split(const std::string& text) {
  Split out;
  std::string rest = text;
  if (const auto scheme = rest.find("://"); scheme != rest.npos) rest.erase(0, scheme + 3);
  if (const auto slash = rest.find('/'); slash != rest.npos) {
    out.path = rest.substr(slash);
    rest.resize(slash);
  }
  if (const auto colon = rest.find(':'); colon != rest.npos) {
    const std::string digits = rest.substr(colon + 1);
    constexpr std::size_t kPortDigits = 5;
    if (digits.empty() || digits.size() > kPortDigits ||
        digits.find_first_not_of("0123456789") != digits.npos)
      throw Error(Code::unprocessable,
                  fmt::format("The route '{}' has no valid port", model::printable(text)));
    out.port = std::stoi(digits);
    rest.resize(colon);
  }
  if (out.path == "/") out.path.clear();
  out.name = model::lower(rest);
  return out;
}

}  // namespace

RoutePlace place_route(store::Reader& reader, const OrgGuid& org, const std::string& text,
                       int apps_port) {
  const Split given = split(text);
  if (given.port != 0 && given.port != apps_port)
    throw Error(Code::unprocessable,
                fmt::format("The route '{}' names a port: routes with ports of their own are not "
                            "supported",
                            model::printable(text)));
  std::optional<RoutePlace> best;
  for (model::Domain& domain : domains_of(reader, org)) {
    const bool whole = given.name == domain.name;
    if (!whole && !given.name.ends_with("." + domain.name)) continue;
    if (best && best->domain.name.size() >= domain.name.size()) continue;
    std::string host =
        whole ? std::string() : given.name.substr(0, given.name.size() - domain.name.size() - 1);
    best = RoutePlace{std::move(domain), std::move(host), given.path};
  }
  if (!best)
    throw Error(Code::unprocessable,
                fmt::format("The route '{}' is on no domain that this org has: 'domains' lists "
                            "those that there are",
                            model::printable(text)));
  return std::move(*best);
}

void apply_routes(store::Writer& tx, const Act& act, const model::Space& space, const App& app,
                  const model::ManifestApp& wanted, int apps_port) {
  if (wanted.route_wish == RouteWish::no_route) {
    for (const Destination& one : destinations_to(tx, app.guid)) unmap_route(tx, act, one);
    return;
  }
  for (const model::ManifestRoute& route : wanted.routes) {
    const auto protocol = route.protocol.value_or(model::DestinationProtocol::http1);
    if (protocol == model::DestinationProtocol::tcp)
      throw Error(Code::unprocessable,
                  fmt::format("The route '{}': routes of protocol tcp are not supported here yet",
                              model::printable(route.route)));
    map_place(tx, act, space, app, place_route(tx, space.org, route.route, apps_port), protocol,
              route.options);
  }
  const bool any =
      wanted.route_wish == RouteWish::default_route || wanted.route_wish == RouteWish::random_route;
  if (!any || !destinations_to(tx, app.guid).empty()) return;
  const std::string host =
      wanted.route_wish == RouteWish::random_route ? random_host(app, *act.random) : host_for(app);
  map_place(tx, act, space, app, {default_domain(tx, space.org), host, {}},
            model::DestinationProtocol::http1, {});
}

}  // namespace nuri::api

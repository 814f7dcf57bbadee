#include <charconv>

#include "api/cf/access.h"
#include "api/cf/apps.h"
#include "api/cf/done_job.h"
#include "api/cf/metadata_json.h"
#include "api/cf/owned.h"
#include "api/cf/resources.h"
#include "api/cf/route_options.h"
#include "api/cf/route_rows.h"
#include "model/text.h"

namespace nuri::api {
namespace {

using model::Destination;
using model::Route;
using store::Query;

struct RouteFilter {
  OwnerFilter owner;
  std::optional<std::vector<RouteGuid>> guids;
  std::optional<std::vector<DomainGuid>> domains;
  std::optional<std::vector<std::string>> hosts, paths, ports;
};

RouteFilter route_filter(const http::Request& request) {
  return {owner_filter(request),
          guid_filter<RouteGuid>(request, "guids"),
          guid_filter<DomainGuid>(request, "domain_guids"),
          filter(request, "hosts"),
          filter(request, "paths"),
          filter(request, "ports")};
}

std::vector<int> ports_of(const std::vector<std::string>& texts) {
  std::vector<int> out;
  for (const std::string& text : texts) {
    int port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error == std::errc() && end == text.data() + text.size()) out.push_back(port);
  }
  return out;
}

std::vector<RouteGuid> routes_to(store::Reader& reader, const std::vector<AppGuid>& apps) {
  std::vector<RouteGuid> out;
  for (const auto& one : reader.all(Query<Destination>().any(&Destination::app, apps)))
    out.push_back(one.route);
  return out;
}

struct RoutePage {
  std::vector<RouteRows> items;
  std::int64_t total = 0;
};

RoutePage page_of(store::Reader& reader, const model::User& user, const RouteFilter& asked,
                  const PageRequest& wanted) {
  Query<Route> query;
  if (const auto spaces = listed_spaces(reader, user, asked.owner))
    query.any(&Route::space, *spaces);
  if (asked.owner.apps) query.any(&Route::guid, routes_to(reader, *asked.owner.apps));
  if (asked.guids) query.any(&Route::guid, *asked.guids);
  if (asked.domains) query.any(&Route::domain, *asked.domains);
  if (asked.hosts) query.any(&Route::host, *asked.hosts);
  if (asked.paths) query.any(&Route::path, *asked.paths);
  if (asked.ports) query.any(&Route::port, ports_of(*asked.ports));
  apply(query, wanted);
  auto page = reader.list(query);
  return {route_rows(reader, std::move(page.items)), page.total};
}

Task<void> answer_list(Call call, RouteFilter asked) {
  const PageRequest wanted = page_request(call.request);
  const auto page = co_await call.parts.store.read(
      [user = call.user, wanted, asked = std::move(asked)](store::Reader& reader) {
        return page_of(reader, user, asked, wanted);
      });
  json::array resources;
  for (const RouteRows& rows : page.items) resources.push_back(route_json(call, rows));
  co_await call.answer(200, list_json(call, wanted, page.total, std::move(resources)));
}

Task<void> list_routes(Call call) {
  RouteFilter asked = route_filter(call.request);
  return answer_list(std::move(call), std::move(asked));
}

Task<void> list_of_app(Call call) {
  const auto app = call.guid<AppGuid>();
  co_await call.parts.store.read([user = call.user, app](store::Reader& reader) {
    require_app(reader, user, app, Access::read);
  });
  RouteFilter asked = route_filter(call.request);
  asked.owner.apps = {app};
  co_await answer_list(std::move(call), std::move(asked));
}

Task<void> get_route(Call call) {
  const RouteRows rows = co_await call.parts.store.read(
      [user = call.user, guid = call.guid<RouteGuid>()](store::Reader& reader) {
        return route_rows(reader, require_route(reader, user, guid, Access::read));
      });
  co_await call.answer(200, route_json(call, rows));
}

Route parse_route(const json::object& body, const Act& act) {
  auto route = made<Route>(act);
  route.space = SpaceGuid(require_relation(body, "space"));
  route.domain = DomainGuid(require_relation(body, "domain"));
  route.host = model::lower(json::get_string(body, "host"));
  route.path = json::get_string(body, "path");
  if (json::get_int(body, "port") != 0)
    throw Error(Code::unprocessable, "Ports are not supported for HTTP routes.");
  patch_options(route, options_of(body));
  patch_metadata(route.metadata, body);
  return route;
}

RouteRows create(store::Writer& tx, const Act& act, const Route& route) {
  const auto space = tx.find(route.space);
  if (!space || !may(tx, act.user, *space, Access::read))
    throw Error(Code::unprocessable,
                "Invalid space. Ensure that the space exists and you have access to it.");
  if (!may(tx, act.user, *space, Access::write)) forbid();
  const auto domain = tx.find(route.domain);
  if (!domain || (domain->org && domain->org != space->org))
    throw Error(Code::unprocessable,
                "Invalid domain. Ensure that the domain exists and you have access to it.");
  insert_route(tx, act, route);
  return {route, *domain, {}};
}

Task<void> create_route(Call call) {
  const json::object body = co_await with_hashed_passwords(call.parts, co_await call.json_body());
  const Act act = act_of(call);
  const RouteRows rows = co_await call.parts.store.write(
      [act, route = parse_route(body, act)](store::Writer& tx) { return create(tx, act, route); });
  co_await call.answer(201, route_json(call, rows));
}

Task<void> patch_route(Call call) {
  const json::object body = co_await with_hashed_passwords(call.parts, co_await call.json_body());
  const RouteRows rows = co_await call.parts.store.write(
      [act = act_of(call), guid = call.guid<RouteGuid>(), body](store::Writer& tx) {
        Route changed = require_route(tx, act.user, guid, Access::write);
        patch_options(changed, options_of(body));
        patch_metadata(changed.metadata, body);
        changed.updated_at = act.now;
        tx.update(changed);
        RouteRows now = route_rows(tx, changed);
        audit(tx, act, "audit.route.update",
              Target{guid.str(), "route", model::url(changed, now.domain), changed.space, {}},
              {{"request", without_hashes(body)}});
        return now;
      });
  co_await call.answer(200, route_json(call, rows));
}

void audit_delete(store::Writer& tx, const Act& act, const Route& route) {
  audit(
      tx, act, "audit.route.delete-request",
      Target{route.guid.str(), "route", model::url(route, tx.get(route.domain)), route.space, {}});
}

Task<void> delete_route(Call call) {
  const JobGuid job = co_await call.parts.store.write(
      [act = act_of(call), guid = call.guid<RouteGuid>()](store::Writer& tx) {
        audit_delete(tx, act, require_route(tx, act.user, guid, Access::write));
        return insert_job(tx, act, "route.delete", "route", guid.str()).guid;
      });
  co_await call.answer_job(job);
}

// cf delete-orphaned-routes.
Task<void> delete_unmapped(Call call) {
  if (call.request.parameter("unmapped") != "true")
    throw Error(Code::unprocessable,
                "Mass delete not supported for routes. Use 'unmapped' parameter to delete all "
                "unmapped routes.");
  const JobGuid job = co_await call.parts.store.write(
      [act = act_of(call), guid = call.guid<SpaceGuid>()](store::Writer& tx) {
        require_space(tx, act.user, guid, Access::write);
        for (const Route& route : tx.all(Query<Route>().where(&Route::space, guid))) {
          if (!destinations_of(tx, route.guid).empty()) continue;
          audit_delete(tx, act, route);
          tx.erase(route.guid);
        }
        return insert_done_job(tx, act, "space.delete_unmapped_routes", "space", guid.str()).guid;
      });
  co_await call.answer_job(job);
}

}  // namespace

void add_routes(Routes& routes) {
  routes.add("GET /v3/routes", list_routes);
  routes.add("POST /v3/routes", create_route);
  routes.add("GET /v3/routes/:guid", get_route);
  routes.add("PATCH /v3/routes/:guid", patch_route);
  routes.add("DELETE /v3/routes/:guid", delete_route);
  routes.add("GET /v3/apps/:guid/routes", list_of_app);
  routes.add("DELETE /v3/spaces/:guid/routes", delete_unmapped);
  add_destinations(routes);
}

}  // namespace nuri::api

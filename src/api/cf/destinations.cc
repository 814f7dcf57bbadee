#include "api/cf/access.h"
#include "api/cf/apps.h"
#include "api/cf/resources.h"
#include "api/cf/route_rows.h"

namespace nuri::api {
namespace {

using model::Destination;

int small_int(const json::object& body, std::string_view key) {
  const std::int64_t value = json::get_int(body, key, 0);
  if (value != static_cast<int>(value))
    throw Error(Code::unprocessable, std::string(key) + " is out of range");
  return static_cast<int>(value);
}

// One of a request's `destinations`.
Destination parse_one(const json::value& value, const Act& act) {
  if (!value.is_object())
    throw Error(Code::unprocessable, "Destinations must be a list of objects");
  const json::object& given = value.get_object();
  auto out = made<Destination>(act);
  const json::object& app = json::require_object(given, "app");
  out.app = AppGuid(json::require_string(app, "guid"));
  if (const auto* process = json::find_object(app, "process"))
    out.process_type = json::get_string(*process, "type", out.process_type);
  out.port = small_int(given, "port");
  const std::string protocol = json::get_string(given, "protocol", "http1");
  const auto known = model::from_text<model::DestinationProtocol>(protocol);
  if (!known || *known == model::DestinationProtocol::tcp)
    throw Error(Code::unprocessable, "Destination protocol must be 'http1' or 'http2'.");
  out.protocol = *known;
  if (const int weight = small_int(given, "weight"); weight != 0) out.weight = weight;
  return out;
}

std::vector<Destination> parse_all(const json::object& body, const Act& act) {
  const json::array& given = json::require_array(body, "destinations");
  if (given.size() > limits::kDestinationsPerRoute)
    throw Error(Code::unprocessable, "Routes can be mapped to at most 100 destinations.");
  std::vector<Destination> out;
  for (const auto& one : given) out.push_back(parse_one(one, act));
  return out;
}

json::object list_of(const Call& call, const RouteGuid& route,
                     const std::vector<Destination>& all) {
  json::array destinations;
  for (const Destination& one : all) destinations.push_back(destination_json(one));
  const std::string path = "/v3/routes/" + route.str();
  return {{"destinations", std::move(destinations)},
          {"links",
           json::object{{"self", call.href(path + "/destinations")}, {"route", call.href(path)}}}};
}

Task<void> list_destinations(Call call) {
  const auto guid = call.guid<RouteGuid>();
  const auto all = co_await call.parts.store.read([user = call.user, guid](store::Reader& reader) {
    require_route(reader, user, guid, Access::read);
    return destinations_of(reader, guid);
  });
  co_await call.answer(200, list_of(call, guid, all));
}

void map_all(store::Writer& tx, const Act& act, const model::Route& route,
             const std::vector<Destination>& wanted) {
  for (Destination one : wanted) {
    const auto app = tx.find(one.app);
    if (!app || !may(tx, act.user, tx.get(app->space), Access::read))
      throw Error(Code::unprocessable, "App(s) with guid(s) \"" + one.app.str() +
                                           "\" do not exist or you do not have "
                                           "access.");
    one.route = route.guid;
    map_route(tx, act, route, std::move(one));
  }
}

Task<void> add_to(Call call) {
  const json::object body = co_await call.json_body();
  const Act act = act_of(call);
  const auto guid = call.guid<RouteGuid>();
  const auto wanted = parse_all(body, act);
  if (std::ranges::any_of(wanted, [](const Destination& one) { return one.weight.has_value(); }))
    throw Error(Code::unprocessable,
                "Destinations cannot have weights when they are added: replace them all");
  const auto all = co_await call.parts.store.write([act, guid, wanted](store::Writer& tx) {
    map_all(tx, act, require_route(tx, act.user, guid, Access::write), wanted);
    return destinations_of(tx, guid);
  });
  co_await call.answer(200, list_of(call, guid, all));
}

bool same(const Destination& a, const Destination& b) {
  return a.app == b.app && a.process_type == b.process_type && a.port == b.port;
}

// What stays keeps its guid.
void replace_all(store::Writer& tx, const Act& act, const model::Route& route,
                 const std::vector<Destination>& wanted) {
  for (Destination old : destinations_of(tx, route.guid)) {
    const auto kept =
        std::ranges::find_if(wanted, [&](const Destination& one) { return same(one, old); });
    if (kept == wanted.end()) {
      unmap_route(tx, act, old);
      continue;
    }
    old.weight = kept->weight;
    old.protocol = kept->protocol;
    old.updated_at = act.now;
    tx.update(old);
  }
  map_all(tx, act, route, wanted);
}

Task<void> replace(Call call) {
  const json::object body = co_await call.json_body();
  const Act act = act_of(call);
  const auto guid = call.guid<RouteGuid>();
  const auto wanted = parse_all(body, act);
  const auto all = co_await call.parts.store.write([act, guid, wanted](store::Writer& tx) {
    replace_all(tx, act, require_route(tx, act.user, guid, Access::write), wanted);
    return destinations_of(tx, guid);
  });
  co_await call.answer(200, list_of(call, guid, all));
}

Task<void> remove(Call call) {
  co_await call.parts.store.write([act = act_of(call), guid = call.guid<RouteGuid>(),
                                   one = call.guid<DestinationGuid>("destination")](
                                      store::Writer& tx) {
    require_route(tx, act.user, guid, Access::write);
    const auto found = tx.find(one);
    if (!found || found->route != guid)
      throw Error(Code::unprocessable,
                  "Unable to unmap route from destination. Ensure the route has a destination with "
                  "this guid.");
    unmap_route(tx, act, *found);
  });
  co_await call.answer_empty(204);
}

}  // namespace

void add_destinations(Routes& routes) {
  routes.add("GET /v3/routes/:guid/destinations", list_destinations);
  routes.add("POST /v3/routes/:guid/destinations", add_to);
  routes.add("PATCH /v3/routes/:guid/destinations", replace);
  routes.add("DELETE /v3/routes/:guid/destinations/:destination", remove);
}

}  // namespace nuri::api

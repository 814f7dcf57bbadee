#include <fmt/format.h>

#include "cli/option_words.h"
#include "cli/route_lookup.h"
#include "cli/verbs.h"

namespace nuri::cli {
namespace {

constexpr std::string_view kDetails = R"(
Gives an app one more address, which is made if it does not exist. Works at once, without a restart.

Examples:
  nuri map-route hello localhost --hostname shop
  nuri map-route hello shop.localhost/cart      the same host, one path of it
  nuri map-route hello www.localhost --option canonical_host=localhost
)";

Task<int> map_route(Command& command) {
  const json::value space = co_await command.space();
  const std::string space_guid = text_at(space, "/guid");
  const json::value app = co_await command.api.app(command.app_name(), space_guid);
  const RouteName name = co_await route_name(command);
  command.say(fmt::format("Mapping route {} to app {} in {}...", command.terminal.name(name.str()),
                          command.terminal.name(command.app_name()), command.where(space)));
  json::value route = co_await find_route(command, name, space_guid);
  const bool made = route.is_null();
  const json::object options = option_changes(command.arguments.all("--option"), {});
  if (made) route = co_await create_route(command, name, space_guid);
  if (!options.empty())
    co_await command.api.send("PATCH", "/v3/routes/" + text_at(route, "/guid"),
                              json::object{{"options", options}});
  const std::string guid = text_at(route, "/guid"), app_guid = text_at(app, "/guid");
  const bool mapped = !destination_of(route, app_guid).empty();
  if (mapped)
    command.say(fmt::format("App '{}' is already mapped to route '{}'. Nothing has been updated.",
                            command.app_name(), name.str()));
  else
    co_await command.api.send(
        "POST", "/v3/routes/" + guid + "/destinations",
        json::object{{"destinations", json::array{json::object{{"app", {{"guid", app_guid}}}}}}});
  const std::string url = co_await command.api.address_of(text_at(route, "/url", name.str()));
  if (command.json())
    command.print_json(json::object{{"guid", guid},
                                    {"url", url},
                                    {"app", command.app_name()},
                                    {"created", made},
                                    {"changed", !mapped}});
  else
    command.say(fmt::format("OK  {}", url));
  co_return 0;
}

}  // namespace

Verb map_route_verb() {
  return {"map-route",
          "Routes",
          "Give an app one more address",
          kDetails,
          {{"APP", "name of the app"}, {"DOMAIN", "domain, or HOST.DOMAIN/PATH"}},
          {kHostnameFlag, kRoutePathFlag, kOptionFlag, kSpaceFlag, kJsonFlag},
          [](const Arguments& arguments) { return run_command(arguments, map_route); }};
}

}  // namespace nuri::cli

#include <fmt/format.h>

#include "cli/route_lookup.h"
#include "cli/verbs.h"

namespace nuri::cli {
namespace {

constexpr std::string_view kDetails = R"(
Takes an address away from an app. The address stays for another one; 'nuri delete-route' removes
it.

Examples:
  nuri unmap-route hello localhost --hostname shop
  nuri unmap-route hello shop.localhost
)";

Task<int> unmap_route(Command& command) {
  const json::value space = co_await command.space();
  const std::string space_guid = text_at(space, "/guid");
  const json::value app = co_await command.api.app(command.app_name(), space_guid);
  const RouteName name = co_await route_name(command);
  command.say(fmt::format("Removing route {} from app {} in {}...",
                          command.terminal.name(name.str()),
                          command.terminal.name(command.app_name()), command.where(space)));
  const json::value route = co_await find_route(command, name, space_guid);
  if (route.is_null())
    throw Error(Code::not_found, fmt::format("Route '{}' not found.", name.str()));
  const std::string destination = destination_of(route, text_at(app, "/guid"));
  if (destination.empty())
    command.say(fmt::format("Route to be unmapped is not currently mapped to the app."));
  else
    co_await command.api.send("DELETE", fmt::format("/v3/routes/{}/destinations/{}",
                                                    text_at(route, "/guid"), destination));
  if (command.json())
    command.print_json(json::object{{"guid", text_at(route, "/guid")},
                                    {"app", command.app_name()},
                                    {"changed", !destination.empty()}});
  else
    command.say("OK");
  co_return 0;
}

}  // namespace

Verb unmap_route_verb() {
  return {"unmap-route",
          "Routes",
          "Take an address away from an app",
          kDetails,
          {{"APP", "name of the app"}, {"DOMAIN", "domain, or HOST.DOMAIN/PATH"}},
          {kHostnameFlag, kRoutePathFlag, kSpaceFlag, kJsonFlag},
          [](const Arguments& arguments) { return run_command(arguments, unmap_route); }};
}

}  // namespace nuri::cli

#include <fmt/format.h>

#include "cli/confirm.h"
#include "cli/route_lookup.h"
#include "cli/verbs.h"

namespace nuri::cli {
namespace {

constexpr std::string_view kDetails = R"(
Removes an address, whichever apps have it.

Example:
  nuri delete-route localhost --hostname shop
)";

Task<int> delete_route(Command& command) {
  const json::value space = co_await command.space();
  const RouteName name = co_await route_name(command);
  command.say(fmt::format("Deleting route {}...", command.terminal.name(name.str())));
  const json::value route = co_await find_route(command, name, text_at(space, "/guid"));
  if (route.is_null())
    command.say(fmt::format("Unable to delete, route '{}' does not exist.", name.str()));
  else
    co_await command.api.finish(
        co_await command.api.send("DELETE", "/v3/routes/" + text_at(route, "/guid")),
        "delete the route");
  if (command.json())
    command.print_json(json::object{{"url", name.str()}, {"changed", !route.is_null()}});
  else
    command.say("OK");
  co_return 0;
}

}  // namespace

Verb delete_route_verb() {
  return {"delete-route",
          "Routes",
          "Remove an address",
          kDetails,
          {{"DOMAIN", "domain, or HOST.DOMAIN/PATH"}},
          {kHostnameFlag, kRoutePathFlag, kForceFlag, kSpaceFlag, kJsonFlag},
          [](const Arguments& arguments) {
            if (!confirmed(arguments, fmt::format("the route {}", arguments.get("DOMAIN"))))
              return 1;
            return run_command(arguments, delete_route);
          }};
}

}  // namespace nuri::cli

#include <fmt/format.h>

#include "cli/command.h"
#include "cli/confirm.h"
#include "cli/verbs.h"

namespace nuri::cli {
namespace {

constexpr std::string_view kDetails = R"(
Deletes an app with its instances, builds and log. With -r its addresses too, unless another app has
them as well. An app that does not exist is no error.

Examples:
  nuri delete hello -r
  nuri delete hello -f        without asking
)";

Task<json::array> delete_routes(Command& command, std::vector<json::value> routes) {
  json::array deleted;
  for (const json::value& route : routes) {
    if (array_at(route, "/destinations").size() > 1) {
      command.say(fmt::format("Route {} is another app's too: it stays.", text_at(route, "/url")));
      continue;
    }
    co_await command.api.finish(
        co_await command.api.send("DELETE", "/v3/routes/" + text_at(route, "/guid")),
        "delete the route");
    deleted.push_back(json::value(text_at(route, "/url")));
  }
  co_return deleted;
}

Task<int> delete_app(Command& command) {
  const json::value space = co_await command.space();
  command.say(fmt::format("Deleting app {} in {}...", command.terminal.name(command.app_name()),
                          command.where(space)));
  const json::value found =
      co_await command.api.get(with_query("/v3/apps", {{"names", filter_value(command.app_name())},
                                                       {"space_guids", text_at(space, "/guid")}}));
  const std::string guid = text_at(found, "/resources/0/guid");
  json::array routes;
  if (guid.empty()) {
    command.say(fmt::format("App '{}' does not exist.", command.app_name()));
  } else {
    std::vector<json::value> mapped;
    if (command.arguments.has("--routes"))
      mapped = co_await command.api.list("/v3/apps/" + guid + "/routes");
    co_await command.api.finish(co_await command.api.send("DELETE", "/v3/apps/" + guid),
                                fmt::format("delete app {}", command.app_name()));
    routes = co_await delete_routes(command, std::move(mapped));
  }
  if (command.json())
    command.print_json(json::object{{"name", command.app_name()},
                                    {"changed", !guid.empty()},
                                    {"deleted_routes", std::move(routes)}});
  else
    command.say("OK");
  co_return 0;
}

}  // namespace

Verb delete_verb() {
  return {"delete",
          "Apps",
          "Delete an app",
          kDetails,
          {{"APP", "name of the app"}},
          {kForceFlag, {"--routes", "-r", "", "its addresses too"}, kSpaceFlag, kJsonFlag},
          [](const Arguments& arguments) {
            if (!confirmed(arguments, fmt::format("the app {}", arguments.get("APP")))) return 1;
            return run_command(arguments, delete_app);
          }};
}

}  // namespace nuri::cli

#include <fmt/format.h>

#include "cli/command.h"
#include "cli/verbs.h"

namespace nuri::cli {
namespace {

constexpr std::string_view kDetails = R"(
Stops all instances of an app. Its addresses answer 404 until 'nuri start'.

Example:
  nuri stop hello
)";

Task<int> stop(Command& command) {
  const json::value space = co_await command.space();
  const json::value app = co_await command.api.app(command.app_name(), text_at(space, "/guid"));
  command.say(fmt::format("Stopping app {} in {}...", command.terminal.name(command.app_name()),
                          command.where(space)));
  if (text_at(app, "/state") == "STOPPED")
    command.say(fmt::format("App {} is already stopped.", command.app_name()));
  else
    co_await command.api.send("POST", "/v3/apps/" + text_at(app, "/guid") + "/actions/stop");
  if (command.json())
    command.print_json({{"name", command.app_name()}, {"state", "stopped"}});
  else
    command.say("OK");
  co_return 0;
}

}  // namespace

Verb stop_verb() {
  return {"stop",
          "Apps",
          "Stop an app",
          kDetails,
          {{"APP", "name of the app"}},
          {kSpaceFlag, kJsonFlag},
          [](const Arguments& arguments) { return run_command(arguments, stop); }};
}

}  // namespace nuri::cli

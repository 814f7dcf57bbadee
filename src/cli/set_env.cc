#include <fmt/format.h>

#include "cli/environment.h"
#include "cli/restarting.h"
#include "cli/verbs.h"

namespace nuri::cli {
namespace {

constexpr std::string_view kDetails = R"(
Sets environment variables of an app. A running app is restarted so that they take effect, without a
gap; --no-restart leaves that to you, as cf does.

Examples:
  nuri set-env hello COLOR blue
  nuri set-env hello COLOR=blue SIZE=3
)";

Task<int> set_env(Command& command) {
  const auto changes = parse_assignments(command.arguments.all("NAME=VALUE"));
  const json::value space = co_await command.space();
  const json::value app = co_await command.api.app(command.app_name(), text_at(space, "/guid"));
  json::object var;
  for (const auto& [name, value] : changes) {
    var[name] = value;
    command.say(fmt::format("Setting env variable {} for app {} in {}...",
                            command.terminal.name(name), command.terminal.name(command.app_name()),
                            command.where(space)));
  }
  co_await change_environment(command, app, std::move(var));
  co_return 0;
}

}  // namespace

Verb set_env_verb() {
  return {"set-env",
          "Environment",
          "Set environment variables of an app",
          kDetails,
          {{"APP", "name of the app"},
           {"NAME=VALUE", "one or more of them, or NAME VALUE", Positional::Need::rest}},
          {{"--no-restart", "", "", "do not restart the app"}, kSpaceFlag, kJsonFlag},
          [](const Arguments& arguments) { return run_command(arguments, set_env); }};
}

}  // namespace nuri::cli

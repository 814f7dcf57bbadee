#include <fmt/format.h>

#include "cli/environment.h"
#include "cli/restarting.h"
#include "cli/verbs.h"

namespace nuri::cli {
namespace {

constexpr std::string_view kDetails = R"(
Removes environment variables of an app. A running app is restarted so that it takes effect, without
a gap; --no-restart leaves that to you, as cf does.

Example:
  nuri unset-env hello COLOR
)";

Task<int> unset_env(Command& command) {
  const auto names = command.arguments.all("NAME");
  if (names.empty()) throw Error(Code::bad_request, "name the variable: nuri unset-env APP NAME");
  const json::value space = co_await command.space();
  const json::value app = co_await command.api.app(command.app_name(), text_at(space, "/guid"));
  json::object var;
  for (const std::string& name : names) {
    var[name] = nullptr;
    command.say(fmt::format("Removing env variable {} from app {} in {}...",
                            command.terminal.name(name), command.terminal.name(command.app_name()),
                            command.where(space)));
  }
  co_await change_environment(command, app, std::move(var));
  co_return 0;
}

}  // namespace

Verb unset_env_verb() {
  return {"unset-env",
          "Environment",
          "Remove environment variables of an app",
          kDetails,
          {{"APP", "name of the app"}, {"NAME", "one or more", Positional::Need::rest}},
          {{"--no-restart", "", "", "do not restart the app"}, kSpaceFlag, kJsonFlag},
          [](const Arguments& arguments) { return run_command(arguments, unset_env); }};
}

}  // namespace nuri::cli

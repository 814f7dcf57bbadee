#include <fmt/format.h>

#include "cli/restarting.h"
#include "cli/verbs.h"

namespace nuri::cli {
namespace {

constexpr std::string_view kDetails = R"(
Starts a stopped app and waits until it answers.

Example:
  nuri start hello
)";

Task<int> start(Command& command) {
  const json::value space = co_await command.space();
  const json::value app = co_await command.api.app(command.app_name(), text_at(space, "/guid"));
  command.say(fmt::format("Starting app {} in {}...", command.terminal.name(command.app_name()),
                          command.where(space)));
  if (text_at(app, "/state") == "STARTED")
    command.say(fmt::format("App '{}' is already started.", command.app_name()));
  else
    co_await bring_up(command, app);
  co_await show_result(command, text_at(app, "/guid"));
  co_return 0;
}

}  // namespace

Verb start_verb() {
  return {"start",
          "Apps",
          "Start an app",
          kDetails,
          {{"APP", "name of the app"}},
          {kSpaceFlag, kJsonFlag},
          [](const Arguments& arguments) { return run_command(arguments, start); }};
}

}  // namespace nuri::cli

#include <fmt/format.h>

#include "cli/restarting.h"
#include "cli/verbs.h"

namespace nuri::cli {
namespace {

constexpr std::string_view kDetails = R"(
Replaces all instances of an app by new ones with its present environment and settings. The old ones
serve until the new ones are healthy: nobody notices. (For a real stop in between: nuri stop, then
nuri start.)

Example:
  nuri restart hello
)";

Task<int> restart(Command& command) {
  const json::value space = co_await command.space();
  const json::value app = co_await command.api.app(command.app_name(), text_at(space, "/guid"));
  command.say(fmt::format("Restarting app {} in {}...", command.terminal.name(command.app_name()),
                          command.where(space)));
  co_await bring_up(command, app);
  co_await show_result(command, text_at(app, "/guid"));
  co_return 0;
}

}  // namespace

Verb restart_verb() {
  return {"restart",
          "Apps",
          "Replace an app's instances by new ones",
          kDetails,
          {{"APP", "name of the app"}},
          {kSpaceFlag, kJsonFlag},
          [](const Arguments& arguments) { return run_command(arguments, restart); }};
}

}  // namespace nuri::cli

#include <fmt/format.h>

#include "cli/app_view.h"
#include "cli/command.h"
#include "cli/verbs.h"

namespace nuri::cli {
namespace {

constexpr std::string_view kDetails = R"(
Shows one app: its addresses, what it was built with, and each instance with what it uses.

Examples:
  nuri app hello
  nuri app hello --guid
)";

Task<int> app(Command& command) {
  const json::value space = co_await command.space();
  const json::value found = co_await command.api.app(command.app_name(), text_at(space, "/guid"));
  if (command.arguments.has("--guid")) {
    command.terminal.out(text_at(found, "/guid") + "\n");
    co_return 0;
  }
  command.say(fmt::format("Showing health and status for app {} in {}...\n",
                          command.terminal.name(command.app_name()), command.where(space)));
  const json::object document = co_await app_document(command.api, found);
  if (command.json())
    command.print_json(document);
  else
    command.terminal.out(show_app(command.terminal, document));
  co_return 0;
}

}  // namespace

Verb app_verb() {
  return {"app",
          "Apps",
          "Show an app and its instances",
          kDetails,
          {{"APP", "name of the app"}},
          {{"--guid", "", "", "print its guid only"}, kSpaceFlag, kJsonFlag},
          [](const Arguments& arguments) { return run_command(arguments, app); }};
}

}  // namespace nuri::cli

#include <fmt/format.h>

#include "cli/config.h"
#include "cli/json_path.h"
#include "cli/terminal.h"
#include "cli/verbs.h"

namespace nuri::cli {
namespace {

constexpr std::string_view kDetails = R"(
Forgets all logins that this user has on this machine.

Example:
  nuri logout
)";

int logout(const Arguments& arguments) {
  change_config(config_folder(), [](Config& config) { config = Config(); });
  StandardTerminal terminal;
  terminal.out(arguments.has("--json") ? "{\"logged_in\":false}\n" : "Logging out...\nOK\n");
  return 0;
}

}  // namespace

Verb logout_verb() {
  return {"logout", "Platform", "Forget the logins",
          kDetails, {},         {{"--json", "", "", "print JSON"}},
          logout};
}

}  // namespace nuri::cli

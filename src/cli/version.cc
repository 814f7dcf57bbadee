#include "cli/version.h"

#include <fmt/format.h>

#include "cli/terminal.h"
#include "cli/verbs.h"

namespace nuri::cli {
namespace {

constexpr std::string_view kDetails = R"(
Shows the version of this program.

Example:
  nuri version
)";

int show_version(const Arguments& arguments) {
  StandardTerminal terminal;
  terminal.out(arguments.has("--json") ? fmt::format("{{\"version\":\"{}\"}}\n", kVersion)
                                       : fmt::format("nuri version {}\n", kVersion));
  return 0;
}

}  // namespace

Verb version_verb() {
  return {"version",   "Platform", "Show the version",
          kDetails,    {},         {{"--json", "", "", "print JSON"}},
          show_version};
}

}  // namespace nuri::cli

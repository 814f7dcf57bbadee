#pragma once

// Changing an app's environment variables.

#include <string>
#include <utility>
#include <vector>

#include "cli/command.h"

namespace nuri::cli {

// {"NAME=VALUE", …}, or cf's {"NAME", "VALUE"}. Throws Error{bad_request} showing how.
std::vector<std::pair<std::string, std::string>> parse_assignments(
    const std::vector<std::string>& words);

// Sends `var` (null removes); if anything changed and the app runs, rolls over to new instances,
// unless --no-restart. Prints the variables with --json.
Task<void> change_environment(Command& command, json::value app, json::object var);

}  // namespace nuri::cli

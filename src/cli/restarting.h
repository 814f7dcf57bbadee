#pragma once

// What start, restart and a change of environment have in common: wait until the app answers, and
// if it does not, show its last words.

#include "cli/command.h"
#include "cli/steps.h"

namespace nuri::cli {

// Starts the app if it is stopped; rolls over to new instances if it runs.
Task<void> bring_up(Command& command, json::value app);
// The app's document or table, at the end of a verb.
Task<void> show_result(Command& command, std::string app_guid);

}  // namespace nuri::cli

#pragma once

// An app as `nuri app` shows it, and its parts as the API has them.

#include <string>
#include <vector>

#include "cli/api.h"
#include "cli/terminal.h"

namespace nuri::cli {

// What `nuri app --json` prints: name, guid, state, routes, buildpacks, processes with their
// instances. `app`: an app of the API.
Task<json::object> app_document(Api& api, json::value app);
// For people.
std::string show_app(const Terminal& terminal, const json::object& document);

// The instances of one process, as document and table have them.
json::array instances_of(const json::value& stats);
// "web:1/2, worker:0/1"
std::string show_processes(const json::array& processes);

// Runs until the app's processes have an instance that is RUNNING, or none is wanted. Throws
// Error{unprocessable} when all have crashed, timeout after five minutes.
Task<void> until_running(Api& api, std::string app_guid);

}  // namespace nuri::cli

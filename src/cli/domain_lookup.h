#pragma once

#include <string>

#include "cli/command.h"

namespace nuri::cli {

// Null if there is no domain of that name which the user may see.
Task<json::value> find_domain(Api& api, std::string name);
// Throws Error{not_found} naming those that there are.
Task<json::value> require_domain(Api& api, std::string name);

}  // namespace nuri::cli

#pragma once

#include <string_view>

#include "cli/verb.h"

namespace nuri::cli {

// Before something is deleted: asks on the terminal unless -f was given. False: no. Throws
// Error{bad_request} naming -f where there is no terminal. Call it before run_command.
bool confirmed(const Arguments& arguments, std::string_view what);

inline constexpr Flag kForceFlag{"--force", "-f", "", "do not ask"};

}  // namespace nuri::cli

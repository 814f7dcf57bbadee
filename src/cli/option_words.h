#pragma once

// A route's options as words of a command line: KEY=VALUE, where dots lead into objects.

#include <string>
#include <vector>

#include "base/json.h"
#include "cli/verb.h"

namespace nuri::cli {

inline constexpr Flag kOptionFlag{"--option", "-o", "KEY=VALUE",
                                  "an option of the route (nuri route-options --help); repeatable"};

// What PATCH takes. `set`: "deadlines.answer=30s", "error_pages.5xx=@sorry.html" (the file's text);
// `unset`: "maintenance". Throws Error{bad_request} showing how, not_found for a file.
json::object option_changes(const std::vector<std::string>& set,
                            const std::vector<std::string>& unset);

}  // namespace nuri::cli

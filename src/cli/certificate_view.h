#pragma once

// Certificates as the command line shows them. Pure.

#include <string>

#include "base/clock.h"
#include "base/json.h"

namespace nuri::cli {

// "in 62 days", "in 5 hours", "expired 3 days ago": of a time as the API writes it.
std::string show_expiry(std::string_view rfc3339, WallTime now);
// "example.com, *.example.com", and of many the first: "a, b, c and 97 more".
std::string show_names(const json::array& names);

}  // namespace nuri::cli

#pragma once

// A route table written by hand, for a router that runs alone (docs/formats/route_table.md, The
// table file).

#include <string>
#include <string_view>

#include "router/table_journal.h"

namespace nuri::router {

// Throw Error naming the entry and what is wrong with it: bad_request (no JSON), unprocessable.
Table parse_table_file(std::string_view text);
// Also: not_found, too_large. Blocking.
Table read_table_file(const std::string& path);

}  // namespace nuri::router

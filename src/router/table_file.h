#pragma once

// A route table written by hand, for a router that runs alone (docs/formats/route_table.md, The
// table file).

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "router/table.h"

namespace nuri::router {

struct TableFile {
  struct CertificateFiles {
    std::string chain, key;  // paths of PEM files; relative ones are below the table file's folder
  };
  std::map<RouteKey, model::RouteEntry> routes;
  std::vector<CertificateFiles> certificates;
};

// Throw Error naming the entry and what is wrong with it: bad_request (no JSON), unprocessable.
TableFile parse_table_file(std::string_view text);
// With what the certificates' files hold: each is for the names that it carries and no other before
// it does, the first also for who asks for none of them. Throws also if one of them cannot be used;
// not_found, too_large. Blocking.
Table read_table_file(const std::string& path);

}  // namespace nuri::router

#pragma once

// A route table written by hand, for a router that runs alone (docs/formats/route_table.md, The
// table file).

#include <string>
#include <string_view>
#include <vector>

#include "router/table_journal.h"

namespace nuri::router {

struct TableFile {
  struct CertificateFiles {
    std::string chain, key;  // paths of PEM files; relative ones are below the table file's folder
  };
  Table routes;
  std::vector<CertificateFiles> certificates;
};

// Throw Error naming the entry and what is wrong with it: bad_request (no JSON), unprocessable.
TableFile parse_table_file(std::string_view text);
// Also: not_found, too_large. Blocking.
TableFile read_table_file(const std::string& path);

}  // namespace nuri::router

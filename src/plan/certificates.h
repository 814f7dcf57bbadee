#pragma once

// Which certificate is shown for which host. Pure.

#include <string_view>
#include <vector>

#include "model/certificate.h"
#include "model/route_table.h"

namespace nuri::plan {

// Of several for one name, the one that model::Certificate says; those that are left no name are
// left out. Who asks for none of the names gets the self-signed one for `domain`, if there is one.
// Sorted by id.
std::vector<model::TableCertificate> table_certificates(std::vector<model::Certificate> rows,
                                                        std::string_view domain);

}  // namespace nuri::plan

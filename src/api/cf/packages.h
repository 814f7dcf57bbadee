#pragma once

// What other resources need of packages.

#include "api/cf/call.h"
#include "model/source.h"

namespace nuri::api {

json::object package_json(const Call& call, const model::Package& package);
// Where packages.cc adds the upload of bits.
void add_package_upload(Routes& routes);

}  // namespace nuri::api

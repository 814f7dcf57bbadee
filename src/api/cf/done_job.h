#pragma once

// For what clients take for a long operation and is done in its request's own transaction.

#include "api/cf/audit.h"

namespace nuri::api {

// Inserts a job that is COMPLETE.
model::Job insert_done_job(store::Writer& tx, const Act& act, std::string_view operation,
                           std::string_view resource_type, const std::string& resource_guid,
                           std::vector<std::string> warnings = {});

}  // namespace nuri::api

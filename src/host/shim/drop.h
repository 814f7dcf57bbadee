#pragma once

#include "host/shim/result.h"
#include "host/shim/spec.h"

namespace nuri::shim {

// Becomes owners.shim_uid:shim_gid with shim_groups for good: no capability in any set, no bounding
// set, no new privileges, not dumpable (other shims run as the same user). Checks that there is no
// way back and fails if there is one; the caller must then end.
Result<> drop_root(const Owners& owners);

}  // namespace nuri::shim

#pragma once

// The system calls of a sandbox, as the `linux.seccomp` object of the OCI runtime specification: an
// allow list. What is not on it answers ENOSYS, so that a library which tries something new falls
// back; what needs privilege answers EPERM, as it would on a machine where the user is not root.
// Pure.

#include "base/json.h"

namespace nuri::host {

json::object seccomp_profile();

}  // namespace nuri::host

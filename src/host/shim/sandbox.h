#pragma once

// From a mounted root file system to a running app: crun makes the container with init as PID 1,
// init starts the app. Needs root and to be the subreaper.

#include <sys/types.h>

#include <string>
#include <string_view>

#include "base/fd.h"
#include "host/shim/cgroup.h"
#include "host/shim/result.h"
#include "host/shim/spec.h"

namespace nuri::shim {

struct Sandbox {
  pid_t init = -1;  // a child of this process
  Fd init_pidfd;
  Fd init_socket;  // init_link.h
  Fd out, err;     // the app's output, non-blocking read ends
};

// `spec_text` is what `spec` was parsed from. `input`, `output`: of a build, else -1. On failure
// whatever was started ends by itself, because its socket does.
Result<Sandbox> start_sandbox(const std::string& dir, const ShimSpec& spec,
                              std::string_view spec_text, Cgroup& cgroup, int input, int output);

}  // namespace nuri::shim

#pragma once

// The host's side of a shim's start: docs/formats/shim.md, the handshake. Blocking; any thread.

#include <functional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/fd.h"
#include "host/program.h"

namespace nuri::host {

struct ShimStart {
  std::string program;
  std::string dir;                     // DIR
  std::string error_path;              // where the shim's own standard error goes
  std::vector<int> descriptors;        // for the app of a build: input, output
  std::function<void(int pid)> place;  // before the exec: into its control group
  std::function<void(int pid)> wire;   // its network namespace exists
  Duration deadline = 60s;             // for each answer
};

// Returns once the app's program runs. Throws Error with the shim's own words when it does not; the
// shim is then gone and reaped. Nothing else is undone here.
Child start_shim(const ShimStart& start);

}  // namespace nuri::host

#pragma once

// Health checks through sockets that were made inside the instance.

#include <string>

#include "engine/engine.h"

namespace nuri::engine::local {

// Never throws for what the app does; throws Error{unavailable} if the shim cannot be asked.
Task<ProbeResult> probe_instance(async::Loop& loop, std::string dir, Probe probe);

}  // namespace nuri::engine::local

#pragma once

// How an instance ended, from its directory.

#include <string>

#include "engine/door.h"
#include "model/instance.h"

namespace nuri::engine::local {

model::InstanceExit exit_from(const door::Exit& exit);
// Reads DIR/exit (blocking). `lost` if there is none: its shim was killed.
model::InstanceExit read_exit(const std::string& dir);

}  // namespace nuri::engine::local

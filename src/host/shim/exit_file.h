#pragma once

#include "engine/door.h"
#include "host/shim/result.h"

namespace nuri::shim {

// Writes DIR/exit whole or not at all: temporary file, fsync, rename, fsync of the directory `dir`.
Result<> write_exit_file(int dir, const door::Exit& exit);

// What a wait status (waitpid(2)) and the counters mean. `oom_kills` counts any process inside; the
// app died of it only if SIGKILL was its end and nobody asked it to stop.
void set_cause(door::Exit& exit, int wait_status);

}  // namespace nuri::shim

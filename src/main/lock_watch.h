#pragma once

// When a process gives up the lock that says that it serves: it ends, or it drains and another may
// have its place.

#include <string>

#include "async/loop.h"
#include "async/task.h"

namespace nuri {

// Returns when process `pid`, after it took the lock at `path`, does not hold it any more; `held`:
// it has been seen with it. Also for a process that is nobody's child here. IoError: from the
// scope, or the kernel has no watches left.
Task<IoResult<void>> lock_given_up(async::Loop& loop, std::string path, int pid, bool held);

}  // namespace nuri

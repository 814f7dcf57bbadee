#pragma once

// One non-blocking try of an Operation on a descriptor. No state.

#include <sys/types.h>

#include <span>

#include "async/operation.h"

namespace nuri::async {

enum class Attempt { done, again };

// recv(2), or read(2) for what is no socket; errno as those leave it; never EINTR.
ssize_t read_some(int fd, std::span<char> space);
// Every kind but recv: done with the result set, or again (it would block).
Attempt try_operation(int fd, Operation& operation);

}  // namespace nuri::async

#pragma once

// One question to an instance's shim over its ctl.sock (engine/door.h).

#include <string>
#include <vector>

#include "async/task.h"
#include "base/fd.h"
#include "engine/door.h"

namespace nuri::async {
class Loop;
}

namespace nuri::engine::local {

struct ShimAnswer {
  door::Reply reply;
  std::vector<Fd> fds;
};

// Connects, greets, asks, and closes. `dir`: the instance's directory. IoError: unreachable or
// refused if the shim is gone, malformed if it cannot be understood.
Task<IoResult<ShimAnswer>> ask_shim(async::Loop& loop, std::string dir, door::Request request);

}  // namespace nuri::engine::local

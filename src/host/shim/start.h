#pragma once

#include <string>

#include "host/shim/result.h"
#include "host/shim/supervise.h"

namespace nuri::shim {

// `nuri-shim run DIR --handshake FD`: the root part and then the rest. Returns the exit status of
// the process: 0 if the instance ran and its end is recorded.
int run_shim(const std::string& dir, int handshake);

}  // namespace nuri::shim

#pragma once

// Inside the sandbox: from a child of init to the app's program.

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "host/shim/result.h"
#include "host/shim/spec.h"

namespace nuri::shim {

// The app's descriptors 1, 2 and, for a build, 3 and 4.
struct AppFiles {
  Fd out, err, input, output;
};

struct Launch {
  pid_t pid = -1;
  Fd gate;    // write a byte: go on
  Fd result;  // end of file: the program runs; before it a text: why it does not
};

// Forks. The child tells the shim `here` on `shim_socket`, waits at the gate, becomes the app's
// user (own session, no capabilities, no new privileges, its limits) and executes. Single-threaded
// callers.
Result<Launch> launch(const ShimSpec& spec, const AppFiles& files, int shim_socket);

// Where execvp would look: argv0 itself if it has a '/', else argv0 in each directory of PATH in
// env.
std::vector<std::string> candidates(std::string_view argv0, const std::vector<std::string>& env);

}  // namespace nuri::shim

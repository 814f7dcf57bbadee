#pragma once

// Becoming an ordinary user, for good.

#include <string>

namespace nuri {

// Sets the supplementary groups, group and user of `user`, and checks that the way back is closed.
// Does nothing if the process is that user already. Throws Error if there is no such user, or if it
// is not permitted. Before any thread exists.
void become(const std::string& user);

}  // namespace nuri

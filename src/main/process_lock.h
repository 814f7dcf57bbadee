#pragma once

// One file a process of Nuri: locked while it lives, and saying which process it is. The lock, not
// the number, says whether it lives: a number can be another's by now.

#include <optional>
#include <string>

#include "base/fd.h"

namespace nuri {

class ProcessLock {
 public:
  // Throws Error{conflict} if another process holds it: `what` is that process, for the message.
  ProcessLock(const std::string& path, const std::string& what);
  // Waits for as long as another process holds it.
  static ProcessLock in_turn(const std::string& path);

  // The process that holds the lock at `path`; nullopt if none does.
  static std::optional<int> holder(const std::string& path);

 private:
  ProcessLock(const std::string& path, const std::string& what, int command);
  Fd file_;
};

}  // namespace nuri

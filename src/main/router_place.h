#pragma once

// RouterPlace: how one router follows another without a client noticing. The place is the lock, the
// paths of sockets and the journal; the listening sockets are shared. A router that comes makes all
// ready, tells the one that has the place to drain, and begins when that has let go. If it fails
// before, the other serves on.

#include <optional>
#include <string>
#include <vector>

#include "async/loop.h"
#include "async/task.h"
#include "main/process_lock.h"
#include "net/listener.h"

namespace nuri {

class RouterPlace {
 public:
  // `lock_path`: empty for a router that has none. `predecessor`: the process to follow, 0: none.
  // Throws Error{conflict} if another process has the place.
  RouterPlace(async::Loop& loop, std::string lock_path, int predecessor);

  // Returns when the place is this process's. Throws Error if the other does not let go.
  Task<void> take();
  void leave() { lock_.reset(); }
  // To the predecessor, while it lives.
  void pass_on(int signal) const;

 private:
  async::Loop& loop_;
  std::string lock_path_;
  Fd predecessor_;  // a pidfd
  std::optional<ProcessLock> lock_;
};

// The number of this process among the routers of a realm that run at the same time: the first of
// DIRECTORY/slot.N that nobody has. Held while `held` lives. Nullopt:
// `limits::kRouterGenerations` of them drain.
std::optional<std::size_t> router_slot(const std::string& directory,
                                       std::optional<ProcessLock>& held);

// Starts the program that is at this one's path now, with this one's arguments and `listeners`, to
// follow this process. Returns when it has ended; it goes on if this process ends first.
Task<void> run_successor(async::Loop& loop, std::vector<std::string> arguments,
                         const std::vector<net::HandedIn>& listeners);

}  // namespace nuri

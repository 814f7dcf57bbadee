#pragma once

// Predecessors: routers that still drain while this one serves in their place. Each is told what
// changes, so that none sends a request to an instance that has left, and is asked before an
// instance counts as drained. The main loop's thread.
//
// One that drains listens on DIRECTORY/draining.PID.sock with the admin socket's protocol; it is
// there before the successor may begin, and its end says that nothing is in flight there any more.

#include <list>
#include <memory>
#include <string>

#include "async/task_group.h"
#include "router/table_feed.h"

namespace nuri::router {

std::string draining_socket(const std::string& directory, int pid);

class Predecessors {
 public:
  explicit Predecessors(async::Loop& loop) : loop_(loop) {}

  // Finds those that drain in `directory` and speaks with them until they end, or until cancelled.
  Task<void> run(std::string directory);
  // Returns when each serves `table`, has ended, or has had `limits::kPredecessorDeadline`.
  Task<void> publish(const Table& table);
  // Returns when none has a request in flight to `upstream`. False: cancelled.
  Task<bool> drained(const std::string& upstream);

 private:
  struct One;
  Task<void> follow(std::shared_ptr<One> one);

  async::Loop& loop_;
  std::list<std::shared_ptr<One>> all_;
};

}  // namespace nuri::router

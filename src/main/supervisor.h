#pragma once

// Supervisor: `nuri up`. Keeps host, router and server running and holds their listening sockets.
// Small on purpose: it does nothing else. If it is killed the others go on, and a new one takes
// them over.

#include <functional>
#include <string>
#include <vector>

#include "async/child.h"
#include "async/task_group.h"
#include "main/settings.h"
#include "net/listener.h"

namespace nuri {

class Supervisor {
 public:
  Supervisor(async::Loop& loop, Settings settings, std::vector<net::HandedIn> listeners);

  // Until cancelled; then it ends them in order.
  Task<void> run();
  // The router is left running at the end, for the next supervisor to take over.
  void leave_router() { leave_router_ = true; }

 private:
  struct Process {
    std::string name;                    // "host", "router", "server": the sub-command and the lock
    std::vector<std::string> listeners;  // which of them it gets
    bool drains = false;  // gives up its lock first: the next one serves while it finishes
  };
  Task<void> keep(Process process);
  enum class How { ended, drains };
  // Waits for the end of one that an earlier supervisor started, or until it drains. One of another
  // build or with other settings it ends.
  Task<How> wait_for_adopted(const Process& process, int pid);
  // Starts one, to follow process `predecessor` if that is not 0; returns when it has ended or
  // drains.
  Task<How> run_once(const Process& process, int predecessor);
  // Waits for the end of one that drains.
  Task<void> see_out(Process process, async::Child child);
  Task<void> end(const Process& process, async::Child& child);
  async::Child spawn(const Process& process, int predecessor) const;

  async::Loop& loop_;
  Settings settings_;
  std::vector<net::HandedIn> listeners_;
  async::TaskGroup leaving_;
  bool leave_router_ = false;
};

}  // namespace nuri

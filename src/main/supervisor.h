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

 private:
  struct Process {
    std::string name;                    // "host", "router", "server": the sub-command and the lock
    std::vector<std::string> listeners;  // which of them it gets
  };
  Task<void> keep(Process process);
  // Waits for the end of one that an earlier supervisor started.
  Task<void> wait_for_adopted(const Process& process, int pid);
  Task<void> run_once(const Process& process);
  async::Child spawn(const Process& process) const;

  async::Loop& loop_;
  Settings settings_;
  std::vector<net::HandedIn> listeners_;
};

}  // namespace nuri

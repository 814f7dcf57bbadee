#pragma once

#include "base/fd.h"
#include "host/shim/doors.h"
#include "host/shim/instance.h"
#include "host/shim/output.h"
#include "host/shim/result.h"

namespace nuri::shim {

// Everything about an instance that runs, handed from the root part to the part without privilege.
struct Running {
  Fd dir;  // DIR, for the exit file
  Fd init_pidfd;
  pid_t init = -1;
  Fd terminate;  // signalfd of SIGTERM, which is blocked
  Instance instance;
  Doors doors;
  Output output;
};

// Serves until the instance has ended, then writes DIR/exit and tells the server. SIGTERM stops the
// instance as the server would. Returns the process's exit status.
int supervise(Running running);

}  // namespace nuri::shim

#pragma once

// How `nuri up` starts a process of Nuri, and whether one that runs was started so.

#include <string>
#include <vector>

#include "main/settings.h"

namespace nuri {

// A process's words as it was started, less what says whose place a router took; empty for one that
// has ended.
std::vector<std::string> command_of(int pid);

// Whether process `pid` is of another build than this one. False for one that has ended.
bool is_another_build(int pid);

// "host", "router" and "server": the sub-command and the lock.
std::vector<std::string> child_command(const Settings& settings, const std::string& name);
// Whether `pid`, which is `name`, is of this build and has these settings. True for one that has
// ended.
bool runs_as(int pid, const Settings& settings, const std::string& name);

}  // namespace nuri

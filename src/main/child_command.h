#pragma once

// How `nuri up` starts a process of Nuri, and whether one that runs was started so.

#include <string>
#include <vector>

#include "main/settings.h"

namespace nuri {

// Whether process `pid` is of another build than this one. False for one that has ended.
bool is_another_build(int pid);

// "host", "router" and "server": the sub-command and the lock.
std::vector<std::string> child_command(const Settings& settings, const std::string& name);
// Whether `pid`, which is `name`, is of this build and has these settings. True for one that has
// ended.
bool runs_as(int pid, const Settings& settings, const std::string& name);

}  // namespace nuri

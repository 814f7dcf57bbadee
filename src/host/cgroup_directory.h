#pragma once

// Directories of control groups, of either version. Another thread or the kernel may remove any of
// them at any moment: what is gone is empty, not an error.

#include <string>
#include <vector>

namespace nuri::host {

bool is_dir(const std::string& path);
// The groups right below.
std::vector<std::string> groups_in(const std::string& dir);
// Of one group, without those below it: the text of cgroup.procs.
std::string processes_of(const std::string& dir);
// From the leaves; false when one is busy.
bool remove_groups(const std::string& dir);

}  // namespace nuri::host

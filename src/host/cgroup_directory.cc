#include "host/cgroup_directory.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <iterator>

#include "base/error.h"
#include "host/kernel_file.h"

namespace nuri::host {

bool is_dir(const std::string& path) {
  struct stat st{};
  return ::stat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode);
}

std::vector<std::string> groups_in(const std::string& dir) {
  std::vector<std::string> out;
  if (!is_dir(dir)) return out;
  try {
    for (const std::string& name : list_dir(dir))
      if (is_dir(dir + "/" + name)) out.push_back(name);
  } catch (const Error& error) {
    if (error.code() != Code::not_found) throw;
  }
  return out;
}

// Reading what is removed while it is open fails with ENODEV.
std::string processes_of(const std::string& dir) {
  std::ifstream file(dir + "/cgroup.procs");
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

bool remove_groups(const std::string& dir) {
  for (const std::string& name : groups_in(dir))
    if (!remove_groups(dir + "/" + name)) return false;
  return ::rmdir(dir.c_str()) == 0 || errno == ENOENT;
}

}  // namespace nuri::host

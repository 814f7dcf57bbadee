#include "host/cgroup.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/vfs.h>

#include <algorithm>

#include "base/error.h"
#include "host/kernel_file.h"

namespace nuri::host {
namespace {

constexpr long kCgroup2Magic = 0x63677270;

bool is_cgroup2(const std::string& path) {
  struct statfs fs{};
  return ::statfs(path.c_str(), &fs) == 0 && fs.f_type == kCgroup2Magic;
}

}  // namespace

std::uint64_t shares_of_weight(std::uint32_t weight) {
  return std::clamp<std::uint64_t>(std::uint64_t{weight} * 1024 / 100, 2, 262'144);
}

void CgroupTree::remove(const std::string& group, Duration patience) {
  const SystemClock clock;
  const Time until = clock.now() + patience;
  int wait_ms = 1;
  while (!try_remove(group)) {
    kill(group);
    if (clock.now() > until)
      throw Error(
          Code::timeout,
          fmt::format("control group {} still holds processes {} s after SIGKILL; they hang in "
                      "the kernel, most likely on a disk or a network file system",
                      group, patience / 1s));
    // The kernel tells nobody when a version 1 group becomes empty: it is looked at, ever less
    // often.
    ::poll(nullptr, 0, wait_ms);
    wait_ms = std::min(wait_ms * 2, 50);
  }
}

std::unique_ptr<CgroupTree> open_cgroups(const std::string& root) {
  if (is_cgroup2(root)) return open_cgroups_v2(root, {"cpu", "memory", "pids"});
  return open_cgroups_v1(root);
}

}  // namespace nuri::host

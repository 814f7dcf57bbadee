#pragma once

// Control groups, version 1 (a directory per controller) and 2 (one tree), as one thing. A group is
// named by its path below the root of the hierarchy, "nuri-R/app/GUID". Blocking; any thread;
// throws Error.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace nuri::host {

struct CgroupLimits {
  std::uint64_t memory_bytes = 0;  // 0 = none, each of them. Swap is not given on top of it.
  std::uint32_t cpu_weight = 0;    // 1..10000, 100 = the usual (version 2's scale)
  std::uint32_t cpu_millis = 0;    // thousandths of a core
  std::uint32_t pids = 0;
};

struct CgroupStats {
  std::uint64_t memory_bytes = 0;
  std::uint64_t memory_anon_bytes = 0;
  std::uint64_t cpu_ns = 0;
  std::uint64_t pids = 0;
};

struct CgroupEvents {
  std::uint64_t oom_kills = 0;
  bool populated = false;  // anything alive in it or below
  bool frozen = false;
};

enum class Frozen { no, yes };

// The directories of one group, for who opens its files itself (the shim). Version 2: `unified`
// alone.
struct CgroupDirs {
  int version = 1;
  std::string unified, freezer, memory, cpu, cpuacct, pids;
};

class CgroupTree {
 public:
  virtual ~CgroupTree() = default;

  // Makes the group (and its parents) and sets the limits; the group may be there already.
  virtual void create(const std::string& group, const CgroupLimits& limits) = 0;
  // Moves a process in.
  virtual void enter(const std::string& group, int pid) = 0;
  // SIGKILL to everything in it and below; what is frozen dies too. Does not wait.
  virtual void kill(const std::string& group) = 0;
  virtual void freeze(const std::string& group, Frozen frozen) = 0;
  virtual CgroupStats stats(const std::string& group) const = 0;
  virtual CgroupEvents events(const std::string& group) const = 0;
  // Names of the groups directly below; empty if it is not there.
  virtual std::vector<std::string> children(const std::string& group) const = 0;
  virtual bool exists(const std::string& group) const = 0;
  virtual CgroupDirs dirs(const std::string& group) const = 0;

  // Kills what is in it, waits until it is empty, removes it with all below. A group that is not
  // there is a success. Throws Error{timeout} when processes do not die.
  void remove(const std::string& group, Duration patience = 5s);

 protected:
  // rmdir of the group and all below, in every hierarchy; false while something is in one.
  virtual bool try_remove(const std::string& group) = 0;
};

// `root`: where the hierarchies are (/sys/fs/cgroup). Throws Error{unavailable} naming what is
// missing.
std::unique_ptr<CgroupTree> open_cgroups(const std::string& root = "/sys/fs/cgroup");
// The two, for tests: on a recorded directory, or on a cgroup2 mount that has no controllers.
std::unique_ptr<CgroupTree> open_cgroups_v1(const std::string& root);
std::unique_ptr<CgroupTree> open_cgroups_v2(const std::string& root,
                                            std::vector<std::string> controllers);

// cpu.shares (2..262144) of a version 2 weight: 100 is 1024.
std::uint64_t shares_of_weight(std::uint32_t weight);

}  // namespace nuri::host

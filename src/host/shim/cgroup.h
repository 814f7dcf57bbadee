#pragma once

// An instance's cgroup, version 1 or 2, through descriptors that are opened while the shim is root
// and go on working when it is not. The app's processes live in a child cgroup `app` of the freezer
// (version 1) or of the whole (version 2); init stays above it, so that it is never frozen: a
// frozen PID 1 could not end its sandbox, and in version 1 not even SIGKILL ends a frozen process.

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "host/shim/result.h"
#include "host/shim/spec.h"

namespace nuri::shim {

struct CgroupUse {
  std::uint64_t cpu_ns = 0;
  std::uint64_t memory_bytes = 0;  // without file pages that could be dropped at once
  std::uint64_t memory_peak = 0;
  std::uint64_t pids = 0;
  std::uint64_t oom_kills = 0;
  std::uint64_t pids_denied = 0;
};

class Cgroup {
 public:
  // Opens the directories of `cgroups` (they must exist) and makes `app`. Needs root. Before crun
  // hides the cgroup2 mount of a hybrid machine.
  static Result<Cgroup> open(const Cgroups& cgroups);

  // Version 2: puts init where it belongs if crun has not (hybrid machine). Version 1: nothing.
  Result<> place_init(pid_t init);
  // Puts the app into the freezable child. Needs root.
  Result<> place_app(pid_t app);
  // Opens the files for the calls below. Needs root; after init has been placed.
  Result<> open_files();

  // Returns when all processes are frozen, or after 200 ms with an error and everything thawed.
  Result<> freeze();
  Result<> thaw();
  // Kills everything at once where the kernel can (version 2, Linux 5.14); false: it cannot.
  bool kill();
  // For init: the file, and what must be written into it, to thaw.
  int thaw_file() const { return freeze_file_.get(); }
  std::string_view thaw_text() const { return version_ == 1 ? "THAWED" : "0"; }
  CgroupUse use() const;

 private:
  bool is_frozen() const;

  int version_ = 1;
  Fd freezer_, memory_, cpuacct_, pids_;  // directories; version 2: all the same
  Fd app_;                                // directory
  Fd freeze_file_;                        // freezer.state, cgroup.freeze
  Fd events_file_;                        // version 2: cgroup.events of app
  Fd kill_file_;                          // version 2
  Fd cpu_file_, memory_file_, memory_stat_file_, peak_file_, pids_file_, oom_file_, denied_file_;
};

// The number after `key` in the lines `key number`; 0 if it is not there. Empty key: the first
// number.
std::uint64_t number_after(std::string_view text, std::string_view key);

}  // namespace nuri::shim

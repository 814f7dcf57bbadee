#pragma once

// Runs another program (mkfs.ext4, nft, this one's own host-unpack) with an argument vector: never
// a shell. Blocking; any thread.

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/fd.h"

namespace nuri::host {

struct ProgramRun {
  std::string path;                              // absolute
  std::vector<std::string> argv;                 // argv[0] included
  std::vector<std::string> env;                  // NAME=value; nothing is inherited
  std::string input;                             // its standard input
  Duration deadline = 30s;                       // killed after it
  std::vector<std::pair<int, int>> descriptors;  // {ours, its}; its ≥ 3, ours stays open
};

struct ProgramEnd {
  int exit_code = 0;   // 128 + signal when killed
  std::string output;  // standard output and error together, the first 64 KiB
};

// Throws Error{internal | timeout} when the program cannot be run or takes too long.
ProgramEnd run_program(const ProgramRun& run);
// run_program, and an exit code but 0 throws Error{internal} with the output.
std::string require_program(const ProgramRun& run);

// A child as forked, before it execs: `pid`, and a pidfd.
struct Child {
  int pid = 0;
  Fd pidfd;
};
// fork + exec in a new session, standard input and output on /dev/null, standard error on
// `error_fd`. `before` runs in this process after the fork and before the exec (the child waits for
// it): to place the child in a cgroup.
Child spawn_session(const ProgramRun& run, int error_fd,
                    const std::function<void(int pid)>& before);

}  // namespace nuri::host

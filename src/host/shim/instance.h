#pragma once

// A running instance as its doors see it: what can be asked of it and done to it. No root needed.
// Used by one thread.

#include <cstdint>
#include <vector>

#include "base/clock.h"
#include "base/fd.h"
#include "engine/door.h"
#include "host/shim/cgroup.h"
#include "host/shim/result.h"
#include "host/shim/sandbox.h"
#include "host/shim/spec.h"

namespace nuri::shim {

Time monotonic_now();
WallTime wall_now();

// What is kept of the spec: the rest is let go, an idle shim is small.
struct InstanceFacts {
  std::string guid, app_guid;
  std::uint32_t index = 0;
  bool build = false;
  std::uint16_t port = 0;
  int stop_signal = 15;
  std::uint32_t grace_ms = 0;
};
InstanceFacts facts_of(const ShimSpec& spec);

class Instance {
 public:
  // `init_socket` and `init` of the sandbox; `disk`: a descriptor on the instance's disk.
  Instance(InstanceFacts facts, Cgroup cgroup, Fd init_socket, pid_t init, Fd disk);

  // Answers `request`; for sockets, `fds` holds what must go with the answer.
  door::Reply answer(const door::Request& request, std::vector<Fd>& fds);

  // Asks init to stop the app. 0 and -1: the instance's own signal and grace.
  Result<> stop(int signal, std::int64_t grace_ms);
  // Init is gone, or must go: nothing inside may stay alive or frozen.
  void release_all();
  // The exit record so far, without cause, code and signal.
  door::Exit exit_record(std::uint64_t log_lines_dropped) const;

  const InstanceFacts& facts() const { return facts_; }
  int init_socket() const { return init_socket_.get(); }
  void close_init_socket() { init_socket_.reset(); }
  void set_over() { over_ = true; }
  void set_log_lines_dropped(std::uint64_t lines) { log_lines_dropped_ = lines; }

 private:
  door::Reply sockets(const door::Request& request, std::vector<Fd>& fds);
  door::Reply done_or(Result<> result);
  Result<> set_frozen(bool frozen);
  door::Welcome welcome() const;
  door::Stats stats() const;

  InstanceFacts facts_;
  Cgroup cgroup_;
  Fd init_socket_;
  pid_t init_;
  Fd disk_;
  Time started_;
  WallTime started_wall_;
  bool frozen_ = false;
  bool stopping_ = false;
  bool over_ = false;
  std::uint64_t log_lines_dropped_ = 0;
};

}  // namespace nuri::shim

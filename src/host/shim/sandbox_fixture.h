#pragma once

// For tests: a real sandbox around busybox, made the way the host makes one, with everything
// removed again whatever happened. Needs root.

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "engine/door.h"
#include "host/shim/spec.h"

namespace nuri::shim {

// True as soon as `condition` is; false after ten seconds.
bool eventually(const std::function<bool()>& condition,
                std::chrono::milliseconds patience = std::chrono::seconds(10));

// One connection to a shim's door, greeted.
class DoorClient {
 public:
  explicit DoorClient(const std::string& path, bool greet = true);
  bool connected() const { return static_cast<bool>(socket_); }
  // Sends and waits for the answer; its descriptors are in fds().
  door::Reply ask(door::Request request);
  door::Reply receive();
  bool at_end();  // waits for end of file, reading over what comes before
  bool at_end_before_answer();
  std::vector<Fd>& fds() { return fds_; }
  int socket() const { return socket_.get(); }

 private:
  Fd socket_;
  std::vector<Fd> fds_;
};

class TestSandbox {
 public:
  TestSandbox();
  ~TestSandbox();
  TestSandbox(const TestSandbox&) = delete;
  TestSandbox& operator=(const TestSandbox&) = delete;

  ShimSpec spec;  // change before start()
  std::uint64_t memory_limit = 64 << 20;
  int pids_limit = 64;
  unsigned spec_mode = 0600;
  std::uint64_t disk_bytes = 16 << 20;

  void sh(const std::string& script) { spec.argv = {"/bin/sh", "-c", script}; }
  // A layer above the others; files are owned by the store range.
  std::string add_layer();

  // Up to and with the answer to "go".
  door::Handshake start(int input = -1, int output = -1);
  // Up to "namespaces"; then the host's end is closed.
  void abandon();
  // Waits until the shim has left, and reads its exit file.
  door::Exit wait_exit();
  bool has_exit_file() const;

  std::string dir() const { return root_ + "/i"; }
  std::string ctl_path() const { return dir() + "/ctl.sock"; }
  std::string door_path() const { return dir() + "/door.sock"; }
  pid_t shim() const { return shim_; }
  pid_t init() const { return init_; }
  // Host pids of the processes inside, without init.
  std::vector<pid_t> inside() const;
  // A file of the cgroup that counts processes: "pids.events".
  std::string pids_file(const std::string& file) const;
  // All records of the log, without times: "O text".
  std::vector<std::string> log() const;
  bool log_has(const std::string& record) const;
  const std::string& name() const { return name_; }
  const std::string& root() const { return root_; }
  // Waits until the shim is gone.
  bool shim_ends();

 private:
  void make_base_layer();
  void make_cgroups();
  void write_config() const;
  void sweep();
  door::Handshake fork_shim();
  door::Handshake next_step();

  std::string name_;
  std::string root_;
  pid_t shim_ = -1;
  pid_t init_ = -1;
  Fd handshake_;
};

std::string read_file(const std::string& path);
bool is_done(const door::Reply& reply);
// No such process, or a zombie: its parent may be a slow PID 1.
bool is_gone(pid_t pid);
door::Request stop_request(std::int64_t grace_ms = -1);

}  // namespace nuri::shim

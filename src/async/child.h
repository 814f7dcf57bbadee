#pragma once

// Child processes, watched by pidfd. No shell is ever involved.

#include <string>
#include <vector>

#include "async/descriptor.h"
#include "async/task.h"

namespace nuri::async {

// How a child ended (waitid(2)).
struct ExitStatus {
  bool signalled = false;
  int code = 0;  // exit status, or the signal's number
  bool ok() const { return !signalled && code == 0; }
};
std::string describe(const ExitStatus& status);

struct SpawnOptions {
  std::vector<std::string> argv;  // argv[0] is looked up in PATH
  // nullptr: this process's environment.
  const std::vector<std::string>* env = nullptr;
  int in = -1, out = -1, err = -1;            // -1: /dev/null for in, inherited for out and err
  std::vector<std::pair<int, int>> more_fds;  // (ours, the child's number, > 2)
  bool own_session = false;
};

class Child {
 public:
  // Throws Error if it cannot be started; one that names the program if it is not there.
  static Child spawn(Loop& loop, const SpawnOptions& options);
  Child(Child&&) = default;
  Child& operator=(Child&&) = default;
  // A child that was not waited for is killed and reaped (this blocks for the moment that takes).
  ~Child();

  int pid() const { return pid_; }
  void signal(int number) const;
  // It is not waited for here, and goes on when this is destroyed.
  void let_go() { pid_.value = -1; }
  // IoError::timed_out or cancelled from the scope; the child then still runs.
  Task<IoResult<ExitStatus>> wait();

 private:
  Child(int pid, Descriptor pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}
  struct Pid {
    int value = -1;
    Pid(int v) : value(v) {}
    Pid(Pid&& o) noexcept : value(std::exchange(o.value, -1)) {}
    Pid& operator=(Pid&& o) noexcept {
      std::swap(value, o.value);
      return *this;
    }
    operator int() const { return value; }
  };
  Pid pid_;
  Descriptor pidfd_;
};

struct ProgramResult {
  ExitStatus status;
  std::string out;  // standard output and error, together, up to the limit; what is over is dropped
};

// Runs a program to its end with `input` on standard input; what it started and left running is not
// waited for. Throws Error{timeout} after `limit`
// (the program is killed), or what spawn throws; an unsuccessful exit is a result.
Task<ProgramResult> run_program(Loop& loop, std::vector<std::string> argv, std::string input,
                                Duration limit);

}  // namespace nuri::async

#include "host/shim/exit_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "base/fd.h"

namespace nuri::shim {

Result<> write_exit_file(int dir, const door::Exit& exit) {
  constexpr char kTemporary[] = "exit.new";
  std::string text = door::encode_exit_file(exit);
  ::unlinkat(dir, kTemporary, 0);
  Fd file(::openat(dir, kTemporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!file || ::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
      ::fsync(file.get()) != 0 || ::renameat(dir, kTemporary, dir, "exit") != 0 ||
      ::fsync(dir) != 0) {
    return failure("cannot write the exit file", errno);
  }
  return {};
}

void set_cause(door::Exit& exit, int wait_status) {
  if (WIFSIGNALED(wait_status)) {
    exit.signal = WTERMSIG(wait_status);
    bool memory = exit.signal == SIGKILL && exit.oom_kills > 0 && !exit.stop_requested;
    exit.cause = memory ? door::Cause::out_of_memory : door::Cause::signaled;
  } else {
    exit.code = WEXITSTATUS(wait_status);
    exit.cause = door::Cause::exited;
  }
}

}  // namespace nuri::shim

#include "host/program.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/error.h"

namespace nuri::host {
namespace {

constexpr std::size_t kOutputBytes = 64 * 1024;

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> out;
  for (const std::string& s : strings) out.push_back(const_cast<char*>(s.c_str()));
  out.push_back(nullptr);
  return out;
}

std::pair<Fd, Fd> make_pipe() {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) != 0) throw system_error("making a pipe", errno);
  return {Fd(fds[0]), Fd(fds[1])};
}

// Everything that the child does between fork and exec: only async-signal-safe calls, on values
// that were made ready before.
struct ChildPlan {
  const char* path;
  char* const* argv;
  char* const* envp;
  const std::pair<int, int>* descriptors;
  std::size_t descriptor_count;
  int in, out, error;
  int gate;  // read to its end before the exec; -1 = none
  bool session;

  [[noreturn]] void carry_out() const {
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    for (int s = 1; s < 32; ++s) ::signal(s, SIG_DFL);
    if (session) ::setsid();
    // Moved up first, so that no target overwrites a source that is still needed.
    constexpr int kHigh = 100;
    int moved[16];
    for (std::size_t i = 0; i < descriptor_count; ++i)
      moved[i] = ::fcntl(descriptors[i].first, F_DUPFD_CLOEXEC, kHigh);
    if (::dup2(in, 0) < 0 || ::dup2(out, 1) < 0 || ::dup2(error, 2) < 0) ::_exit(127);
    for (std::size_t i = 0; i < descriptor_count; ++i)
      if (::dup2(moved[i], descriptors[i].second) < 0) ::_exit(127);
    if (gate >= 0) await_gate();
    ::execve(path, argv, envp);
    ::_exit(127);
  }

  // Without what the parent has open: others wait for the end of pipes that this would hold.
  void await_gate() const {
    int last = 2;
    for (std::size_t i = 0; i < descriptor_count; ++i) last = std::max(last, descriptors[i].second);
    const int own = ::fcntl(gate, F_DUPFD_CLOEXEC, last + 1);
    if (own < 0) ::_exit(127);
    if (own > last + 1)
      ::close_range(static_cast<unsigned>(last) + 1, static_cast<unsigned>(own) - 1, 0);
    ::close_range(static_cast<unsigned>(own) + 1, ~0u, 0);
    char byte;
    if (::read(own, &byte, 1) != 1) ::_exit(127);
  }
};

pid_t fork_child(const ChildPlan& plan) {
  sigset_t all, old;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &old);
  const pid_t pid = ::fork();
  if (pid == 0) plan.carry_out();
  const int err = errno;
  ::pthread_sigmask(SIG_SETMASK, &old, nullptr);
  if (pid < 0) throw system_error(fmt::format("starting {}", plan.path), err);
  return pid;
}

// Feeds input, collects output, until the program closed its output or `until`. False when too
// late.
bool exchange(int in, int out, std::string_view input, std::string& output, Time until) {
  Fd in_fd(in);
  ::fcntl(in, F_SETFL, O_NONBLOCK);
  const SystemClock clock;
  for (;;) {
    if (input.empty()) in_fd.reset();
    pollfd fds[2] = {{out, POLLIN, 0}, {in_fd.get(), POLLOUT, 0}};
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - clock.now());
    if (left.count() <= 0) return false;
    if (::poll(fds, 2, static_cast<int>(left.count()) + 1) < 0 && errno != EINTR)
      throw system_error("waiting for a program", errno);
    if (fds[1].revents) {
      const ssize_t n = ::send(in_fd.get(), input.data(), input.size(), MSG_NOSIGNAL);
      if (n < 0 && errno != EAGAIN && errno != EINTR) input = {};  // it does not read: fine
      if (n > 0) input.remove_prefix(static_cast<std::size_t>(n));
    }
    if (!fds[0].revents) continue;
    char buffer[4096];
    const ssize_t n = ::read(out, buffer, sizeof buffer);
    if (n == 0 || (n < 0 && errno != EINTR)) return true;
    if (n > 0) {
      const std::size_t room = kOutputBytes - std::min(kOutputBytes, output.size());
      output.append(buffer, std::min(static_cast<std::size_t>(n), room));
    }
  }
}

int wait_until(pid_t pid, Time until) {
  Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  const SystemClock clock;
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - clock.now());
    pollfd fd{pidfd.get(), POLLIN, 0};
    const int ready = ::poll(&fd, 1, static_cast<int>(std::max<long>(left.count(), 0)));
    if (ready < 0 && errno == EINTR) continue;
    int status = 0;
    if (ready <= 0) ::kill(pid, SIGKILL);
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (ready <= 0) return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
}

}  // namespace

ProgramEnd run_program(const ProgramRun& run) {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
    throw system_error("making a socket pair", errno);
  Fd its_in(pair[0]), our_in(pair[1]);
  auto [our_out, its_out] = make_pipe();
  const auto argv = pointers(run.argv), envp = pointers(run.env);
  const pid_t pid =
      fork_child({run.path.c_str(), argv.data(), envp.data(), run.descriptors.data(),
                  run.descriptors.size(), its_in.get(), its_out.get(), its_out.get(), -1, false});
  its_in.reset();
  its_out.reset();
  ProgramEnd end;
  const Time until = SystemClock().now() + run.deadline;
  const bool in_time = exchange(our_in.release(), our_out.get(), run.input, end.output, until);
  end.exit_code = wait_until(pid, in_time ? until : Time{});
  if (end.exit_code < 0)
    throw Error(Code::timeout, fmt::format("{} took longer than {} s and was killed", run.argv[0],
                                           run.deadline / 1s));
  if (end.exit_code == 127 && end.output.empty())
    throw Error(Code::internal, fmt::format("{} could not be run: is it installed?", run.path));
  return end;
}

std::string require_program(const ProgramRun& run) {
  ProgramEnd end = run_program(run);
  if (end.exit_code != 0)
    throw Error(Code::internal,
                fmt::format("{} failed ({}): {}", run.argv[0], end.exit_code, end.output));
  return std::move(end.output);
}

Child spawn_session(const ProgramRun& run, int error_fd,
                    const std::function<void(int pid)>& before) {
  Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null) throw system_error("opening /dev/null", errno);
  auto [gate, opener] = make_pipe();
  const auto argv = pointers(run.argv), envp = pointers(run.env);
  Child child;
  child.pid =
      fork_child({run.path.c_str(), argv.data(), envp.data(), run.descriptors.data(),
                  run.descriptors.size(), null.get(), null.get(), error_fd, gate.get(), true});
  child.pidfd = Fd(static_cast<int>(::syscall(SYS_pidfd_open, child.pid, 0)));
  try {
    if (!child.pidfd) throw system_error("pidfd_open", errno);
    before(child.pid);
  } catch (...) {
    ::kill(child.pid, SIGKILL);
    while (::waitpid(child.pid, nullptr, 0) < 0 && errno == EINTR) {
    }
    throw;
  }
  if (::write(opener.get(), "g", 1) != 1) throw system_error("starting a shim", errno);
  return child;
}

}  // namespace nuri::host

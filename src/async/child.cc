#include "async/child.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
extern "C" {  // the header of glibc 2.36 forgets it
#include <sys/pidfd.h>
}
#include <sys/wait.h>

#include <algorithm>
#include <array>

#include "async/deadline.h"
#include "async/operation_io.h"
#include "async/task_group.h"
#include "base/error.h"

namespace nuri::async {
namespace {

constexpr std::size_t kOutputLimit = 64 * 1024;
constexpr std::size_t kPipeBytes = 64 * 1024;  // pipe(7), "Pipe capacity"

class FileActions {
 public:
  // `top`: the highest number that a descriptor gets in the child.
  explicit FileActions(int top) : top_(top) { posix_spawn_file_actions_init(&actions_); }
  ~FileActions() { posix_spawn_file_actions_destroy(&actions_); }
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;
  void put(int ours, int theirs) {
    // A number that is also one of the child's could be overwritten before it is copied.
    if (ours <= top_ && ours != theirs) {
      copies_.emplace_back(fcntl(ours, F_DUPFD_CLOEXEC, top_ + 1));
      if (!copies_.back()) throw system_error("pass a descriptor to a program", errno);
      ours = copies_.back().get();
    }
    posix_spawn_file_actions_adddup2(&actions_, ours, theirs);
  }
  void null(int theirs) {
    posix_spawn_file_actions_addopen(&actions_, theirs, "/dev/null", O_RDONLY, 0);
  }
  const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  int top_;
  std::vector<Fd> copies_;
  posix_spawn_file_actions_t actions_;
};

class Attributes {
 public:
  explicit Attributes(bool own_session) {
    posix_spawnattr_init(&attributes_);
    sigset_t none, defaults;
    sigemptyset(&none);
    sigfillset(&defaults);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &defaults);
    short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    if (own_session) flags |= POSIX_SPAWN_SETSID;
    posix_spawnattr_setflags(&attributes_, flags);
  }
  ~Attributes() { posix_spawnattr_destroy(&attributes_); }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
  const posix_spawnattr_t* get() const { return &attributes_; }

 private:
  posix_spawnattr_t attributes_;
};

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (const auto& text : texts) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

}  // namespace

std::string describe(const ExitStatus& status) {
  if (!status.signalled) return fmt::format("exit status {}", status.code);
  const char* name = sigabbrev_np(status.code);
  return fmt::format("killed by SIG{}", name ? name : std::to_string(status.code));
}

Child Child::spawn(Loop& loop, const SpawnOptions& options) {
  NURI_ASSERT(!options.argv.empty());
  int top = 2;
  for (const auto& [ours, theirs] : options.more_fds) top = std::max(top, theirs);
  FileActions actions(top);
  if (options.in >= 0)
    actions.put(options.in, 0);
  else
    actions.null(0);
  if (options.out >= 0) actions.put(options.out, 1);
  if (options.err >= 0) actions.put(options.err, 2);
  for (const auto& [ours, theirs] : options.more_fds) actions.put(ours, theirs);
  const Attributes attributes(options.own_session);
  const auto argv = pointers(options.argv);
  std::vector<char*> env;
  if (options.env) env = pointers(*options.env);
  pid_t pid = -1;
  const int err = posix_spawnp(&pid, argv[0], actions.get(), attributes.get(), argv.data(),
                               options.env ? env.data() : environ);
  if (err != 0) throw system_error(fmt::format("start the program {}", options.argv[0]), err);
  Fd pidfd(pidfd_open(pid, 0));
  if (!pidfd) {
    const int failure = errno;
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    throw system_error(fmt::format("watch the program {}", options.argv[0]), failure);
  }
  return Child(pid, Descriptor(loop, std::move(pidfd)));
}

Child::~Child() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

void Child::signal(int number) const {
  if (pid_ >= 0) pidfd_send_signal(pidfd_.native(), number, nullptr, 0);
}

Task<IoResult<ExitStatus>> Child::wait() {
  if (auto ready = co_await pidfd_.readable(); !ready) co_return std::unexpected(ready.error());
  siginfo_t info{};
  NURI_ASSERT(waitid(P_PID, static_cast<id_t>(pid_.value), &info, WEXITED) == 0);
  pid_.value = -1;
  co_return ExitStatus{info.si_code != CLD_EXITED, info.si_status};
}

namespace {

struct Pipe {
  Fd read_end, write_end;
  Pipe() {
    int fds[2];
    if (::pipe2(fds, O_CLOEXEC) != 0) throw system_error("make a pipe", errno);
    read_end = Fd(fds[0]);
    write_end = Fd(fds[1]);
  }
};

Task<void> feed(Descriptor to, const std::string& input) {
  // A program that does not read its input closes the pipe: its exit status tells what happened.
  (void)co_await to.send(input);
}

void keep(std::string& output, std::string_view bytes) {
  output += bytes.substr(0, kOutputLimit - std::min(kOutputLimit, output.size()));
}

Task<void> collect(Descriptor& from, std::string& output) {
  for (;;) {
    auto chunk = co_await from.recv();
    if (!chunk || chunk->empty()) co_return;
    keep(output, chunk->view());
  }
}

// What a program wrote is in the pipe once it has ended; the pipe's end may be far off, because
// what the program started can hold it.
void collect_rest(int pipe, std::string& output) {
  std::array<char, 4096> space;
  for (std::size_t left = kPipeBytes; left > 0;) {
    const ssize_t n = read_some(pipe, std::span(space).first(std::min(left, space.size())));
    if (n <= 0) return;
    left -= static_cast<std::size_t>(n);
    keep(output, {space.data(), static_cast<std::size_t>(n)});
  }
}

Task<ProgramResult> converse(Loop& loop, const std::vector<std::string>& argv,
                             const std::string& input) {
  Pipe in, out;
  SpawnOptions options;
  options.argv = argv;
  options.in = in.read_end.get();
  options.out = options.err = out.write_end.get();
  Child child = Child::spawn(loop, options);
  in.read_end.reset();
  out.write_end.reset();
  ProgramResult result;
  Descriptor output(loop, std::move(out.read_end));
  TaskGroup group(co_await current_scope());
  group.spawn(feed(Descriptor(loop, std::move(in.write_end)), input));
  group.spawn(collect(output, result.out));
  const auto status = co_await child.wait();
  group.cancel();
  co_await group.join();
  if (!status) throw error_of(status.error(), fmt::format("wait for the program {}", argv[0]));
  collect_rest(output.native(), result.out);
  result.status = *status;
  co_return result;
}

}  // namespace

Task<ProgramResult> run_program(Loop& loop, std::vector<std::string> argv, std::string input,
                                Duration limit) {
  co_return co_await within(limit, converse(loop, argv, input));
}

}  // namespace nuri::async

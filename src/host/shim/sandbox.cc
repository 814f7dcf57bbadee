#include "host/shim/sandbox.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "host/shim/init_link.h"
#include "host/shim/packet_socket.h"

namespace nuri::shim {
namespace {

constexpr int kCrunMs = 30'000;
constexpr std::size_t kErrorBytes = 2000;

// glibc 2.36 declares pidfd_open without extern "C".
int open_pidfd(pid_t pid) { return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)); }

Result<std::pair<Fd, Fd>> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return failure("cannot make a pipe", errno);
  return std::pair(Fd(ends[0]), Fd(ends[1]));
}

[[noreturn]] void exec_crun(const std::string& dir, const ShimSpec& spec, int errors, int socket) {
  std::string root = dir + "/crun", bundle = dir + "/bundle";
  const char* argv[] = {spec.crun.c_str(),           "--root",   root.c_str(),
                        "--cgroup-manager=cgroupfs", "run",      "--detach",
                        "--preserve-fds=1",          "--bundle", bundle.c_str(),
                        spec.guid.c_str(),           nullptr};
  const char* env[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", nullptr};
  // Not /dev/null: crun gives its standard streams to the container's root, and the machine's own
  // /dev/null would then be the instance's to close for everybody.
  int empty[2] = {-1, -1};
  (void)!::pipe2(empty, O_CLOEXEC);
  int high_socket = ::fcntl(socket, F_DUPFD_CLOEXEC, 10);
  int high_errors = ::fcntl(errors, F_DUPFD_CLOEXEC, 10);
  bool ready = ::dup2(empty[0], 0) == 0 && ::dup2(high_errors, 1) == 1 &&
               ::dup2(high_errors, 2) == 2 && ::dup2(high_socket, kInitSocket) == kInitSocket &&
               ::close_range(kInitSocket + 1, ~0U, 0) == 0;
  if (ready) ::execve(argv[0], const_cast<char**>(argv), const_cast<char**>(env));
  std::string text = failure("cannot execute " + spec.crun, errno).error();
  (void)!::write(2, text.data(), text.size());
  ::_exit(127);
}

// The last of what crun wrote, as one line.
std::string read_errors(int pipe) {
  std::string text;
  char piece[512];
  for (ssize_t n = 0; (n = ::read(pipe, piece, sizeof piece)) > 0;) {
    text.append(piece, static_cast<std::size_t>(n));
    if (text.size() > kErrorBytes) text.erase(0, text.size() - kErrorBytes);
  }
  while (!text.empty() && text.back() == '\n') text.pop_back();
  for (char& c : text) {
    if (c == '\n') c = ' ';
  }
  return text;
}

Result<> wait_for_crun(pid_t child, int errors) {
  Fd pidfd(open_pidfd(child));
  pollfd wait{pidfd.get(), POLLIN, 0};
  int ready = 0;
  do {
    ready = ::poll(&wait, 1, kCrunMs);
  } while (ready < 0 && errno == EINTR);
  if (ready <= 0) ::kill(child, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (ready <= 0) return std::unexpected("crun did not make the sandbox within 30 s");
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return std::unexpected("crun could not make the sandbox: " + read_errors(errors));
}

Result<InitMessage> await_message(const Sandbox& sandbox, InitMessage::Kind wanted, pid_t* sender) {
  auto packet = await_packet(sandbox.init_socket.get(), kCrunMs, "init");
  if (!packet) return std::unexpected(packet.error());
  if (packet->end) return std::unexpected("init ended before the app ran");
  auto message = parse_init_message(packet->bytes);
  if (!message) return message;
  if (message->kind == InitMessage::Kind::failed) return std::unexpected(message->text);
  if (message->kind != wanted) return std::unexpected("init answered out of turn");
  if (sender != nullptr) *sender = packet->sender;
  return message;
}

Result<> run_crun(const std::string& dir, const ShimSpec& spec, Sandbox& sandbox) {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
    return failure("cannot make init's socket", errno);
  }
  sandbox.init_socket = Fd(pair[0]);
  Fd theirs(pair[1]);
  const int on = 1;
  ::setsockopt(pair[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
  auto errors = make_pipe();
  if (!errors) return std::unexpected(errors.error());
  ::fcntl(errors->first.get(), F_SETFL, O_NONBLOCK);
  pid_t child = ::fork();
  if (child < 0) return failure("cannot fork for crun", errno);
  if (child == 0) exec_crun(dir, spec, errors->second.get(), theirs.get());
  errors->second.reset();
  theirs.reset();
  if (auto made = wait_for_crun(child, errors->first.get()); !made) return made;
  auto ready = await_message(sandbox, InitMessage::Kind::ready, &sandbox.init);
  if (!ready) {
    std::string more = read_errors(errors->first.get());
    return std::unexpected(ready.error() + (more.empty() ? "" : " (" + more + ")"));
  }
  sandbox.init_pidfd = Fd(open_pidfd(sandbox.init));
  if (!sandbox.init_pidfd) return failure("cannot watch init", errno);
  return {};
}

// The app's ends belong to the app, so that it may open /dev/stdout.
Result<Fd> make_output(const ShimSpec& spec, Fd& read_end) {
  auto pipe = make_pipe();
  if (!pipe) return std::unexpected(pipe.error());
  if (::fchown(pipe->second.get(), spec.ids.instance_base + spec.uid,
               spec.ids.instance_base + spec.gid) != 0) {
    return failure("cannot give the app its output", errno);
  }
  ::fcntl(pipe->first.get(), F_SETFL, O_NONBLOCK);
  read_end = std::move(pipe->first);
  return std::move(pipe->second);
}

Result<> start_app(const ShimSpec& spec, std::string_view spec_text, Cgroup& cgroup,
                   Sandbox& sandbox, int input, int output) {
  auto out = make_output(spec, sandbox.out);
  if (!out) return std::unexpected(out.error());
  auto err = make_output(spec, sandbox.err);
  if (!err) return std::unexpected(err.error());
  const int fds[] = {out->get(), err->get(), cgroup.thaw_file(), input, output};
  std::size_t count = input >= 0 && output >= 0 ? 5 : 3;
  if (!send_packet(sandbox.init_socket.get(), spec_text, std::span(fds, count))) {
    return failure("cannot tell init what to run", errno);
  }
  pid_t app = -1;
  if (auto here = await_message(sandbox, InitMessage::Kind::here, &app); !here) {
    return std::unexpected(here.error());
  }
  if (auto placed = cgroup.place_app(app); !placed) return placed;
  InitMessage go;
  go.kind = InitMessage::Kind::go;
  if (!send_packet(sandbox.init_socket.get(), encode(go))) {
    return failure("cannot let the app go", errno);
  }
  auto running = await_message(sandbox, InitMessage::Kind::running, nullptr);
  if (!running) return std::unexpected(running.error());
  return {};
}

}  // namespace

Result<Sandbox> start_sandbox(const std::string& dir, const ShimSpec& spec,
                              std::string_view spec_text, Cgroup& cgroup, int input, int output) {
  Sandbox sandbox;
  Result<> done = run_crun(dir, spec, sandbox);
  if (done) done = cgroup.place_init(sandbox.init);
  if (done) done = cgroup.open_files();
  if (done) done = start_app(spec, spec_text, cgroup, sandbox, input, output);
  if (!done) return std::unexpected(done.error());
  return sandbox;
}

}  // namespace nuri::shim

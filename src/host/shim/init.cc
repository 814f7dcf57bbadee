#include "host/shim/init.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "host/shim/init_link.h"
#include "host/shim/launch.h"
#include "host/shim/packet_socket.h"

namespace nuri::shim {
namespace {

constexpr int kStartMs = 30'000;

std::int64_t now_ms() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000 + time.tv_nsec / 1'000'000;
}

class Init {
 public:
  int run();

 private:
  enum class Life { running, stopping };

  Result<> start();
  void loop();
  void take_order();
  void reap();
  bool app_is_gone() const;
  void kill_everything();
  void shim_is_gone();
  void tell(InitMessage message) { (void)send_packet(kInitSocket, encode(message)); }

  Fd child_signals_;
  Fd thaw_file_;
  pid_t app_ = -1;
  int status_ = 0;
  bool app_reaped_ = false;
  Life life_ = Life::running;
  std::int64_t kill_at_ms_ = 0;
  bool grace_exceeded_ = false;
};

int Init::run() {
  ::prctl(PR_SET_NAME, "nuri-init");
  ::prctl(PR_SET_DUMPABLE, 0);
  ::fcntl(kInitSocket, F_SETFD, FD_CLOEXEC);
  sigset_t all;
  sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, nullptr);
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  child_signals_ = Fd(::signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK));
  if (auto started = start(); !started) {
    InitMessage failed;
    failed.kind = InitMessage::Kind::failed;
    failed.text = started.error();
    tell(failed);
    return 127;
  }
  loop();
  kill_everything();
  InitMessage ended;
  ended.kind = InitMessage::Kind::ended;
  ended.status = status_;
  ended.grace_exceeded = grace_exceeded_;
  tell(ended);
  return 0;
}

Result<> Init::start() {
  tell({});
  auto packet = await_packet(kInitSocket, kStartMs, "the shim", kSpecBytes);
  if (!packet) return std::unexpected(packet.error());
  auto spec = parse(packet->bytes);
  if (!spec) return std::unexpected(spec.error());
  if (packet->fd_count != 3 && packet->fd_count != 5) return std::unexpected("not 3 or 5 files");
  AppFiles files{std::move(packet->fds[0]), std::move(packet->fds[1]), std::move(packet->fds[3]),
                 std::move(packet->fds[4])};
  thaw_file_ = std::move(packet->fds[2]);

  auto child = launch(*spec, files, kInitSocket);
  if (!child) return std::unexpected(child.error());
  app_ = child->pid;
  auto go = await_packet(kInitSocket, kStartMs, "the shim");
  if (!go) return std::unexpected(go.error());
  if (go->end) return std::unexpected("the shim ended");
  if (::write(child->gate.get(), "g", 1) != 1) return failure("cannot let the app go", errno);
  char why[1000];
  ssize_t bytes = ::read(child->result.get(), why, sizeof why);
  if (bytes > 0) return std::unexpected(std::string(why, static_cast<std::size_t>(bytes)));
  // Nothing of crun's is kept: its error pipe must end now.
  Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  for (int fd = 0; null && fd < 3; ++fd) ::dup2(null.get(), fd);
  InitMessage running;
  running.kind = InitMessage::Kind::running;
  tell(running);
  return {};
}

void Init::loop() {
  while (!app_is_gone()) {
    int timeout = -1;
    if (life_ == Life::stopping) {
      std::int64_t left = kill_at_ms_ - now_ms();
      if (left <= 0) {
        grace_exceeded_ = true;
        return;
      }
      timeout = static_cast<int>(std::min<std::int64_t>(left, 1'000'000));
    }
    pollfd wait[] = {{kInitSocket, POLLIN, 0}, {child_signals_.get(), POLLIN, 0}};
    if (::poll(wait, 2, timeout) < 0 && errno != EINTR) return;
    if (wait[0].revents != 0) take_order();
    if (wait[1].revents != 0) reap();
  }
}

void Init::take_order() {
  auto packet = receive_packet(kInitSocket, limits::kDoorPacketBytes, MSG_DONTWAIT);
  if (!packet || packet->end) return shim_is_gone();
  auto order = parse_init_message(packet->bytes);
  if (!order || order->kind != InitMessage::Kind::stop) return;
  std::int64_t kill_at = now_ms() + order->grace_ms;
  kill_at_ms_ = life_ == Life::stopping ? std::min(kill_at_ms_, kill_at) : kill_at;
  life_ = Life::stopping;
  // The app leads its own session and process group (launch.cc).
  ::kill(-app_, order->signal);
}

void Init::reap() {
  signalfd_siginfo info[8];
  while (::read(child_signals_.get(), info, sizeof info) > 0) {
  }
  int status = 0;
  for (pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
    if (pid != app_) continue;
    app_reaped_ = true;
    status_ = status;
  }
}

// In a stop, what the app's main process has left in its process group may still be ending: a shell
// that was told to end does not end the server that it started.
bool Init::app_is_gone() const {
  if (!app_reaped_) return false;
  return life_ == Life::running || (::kill(-app_, 0) != 0 && errno == ESRCH);
}

void Init::kill_everything() {
  ::kill(-1, SIGKILL);
  int status = 0;
  for (pid_t pid = 0; (pid = ::waitpid(-1, &status, 0)) > 0 || errno == EINTR;) {
    if (pid == app_) status_ = status;
  }
}

void Init::shim_is_gone() {
  // A frozen process would not die (version 1), and then neither would this namespace.
  for (const char* text : {"THAWED", "0"}) {
    if (::pwrite(thaw_file_.get(), text, std::char_traits<char>::length(text), 0) > 0) break;
  }
  ::kill(-1, SIGKILL);
  ::_exit(1);
}

}  // namespace

int run_init() { return Init().run(); }

}  // namespace nuri::shim

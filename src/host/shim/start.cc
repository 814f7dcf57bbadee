#include "host/shim/start.h"

#include <fcntl.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <utility>

#include "host/shim/drop.h"
#include "host/shim/exit_file.h"
#include "host/shim/mounts.h"
#include "host/shim/network.h"
#include "host/shim/packet_socket.h"

namespace nuri::shim {
namespace {

constexpr int kGoMs = 30'000;

// The root part of a shim's life, step by step.
class Start {
 public:
  Start(std::string dir, Fd handshake) : dir_path_(std::move(dir)), host_(std::move(handshake)) {}

  Result<Running> run();
  // For the person and for the host: why there is no instance.
  void report(const std::string& text);
  void report_started(const Running& running);

 private:
  using Step = door::Handshake::Step;

  Result<> become_shim();
  Result<> read_spec();
  Result<> isolate();
  Result<> await_go();
  Result<Running> hand_over(Sandbox sandbox, Cgroup cgroup, Fd disk);
  Result<> tell(const door::Handshake& message);

  std::string dir_path_;
  Fd host_;
  Fd dir_;
  std::string text_;
  std::optional<ShimSpec> spec_;
  Packet go_;
};

Result<> Start::tell(const door::Handshake& message) {
  if (!send_packet(host_.get(), door::encode(message))) {
    return failure("cannot speak to the host", errno);
  }
  return {};
}

// A parent that blocks or ignores signals hands that on.
void reset_signals() {
  for (int signal = 1; signal < 65; ++signal) ::signal(signal, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

Result<> Start::become_shim() {
  reset_signals();
  ::fcntl(host_.get(), F_SETFD, FD_CLOEXEC);
  ::prctl(PR_SET_NAME, "nuri-shim");
  ::setsid();
  ::umask(022);
  if (::prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) return failure("cannot become subreaper", errno);
  dir_ = Fd(::open(dir_path_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!dir_) return failure("cannot open " + dir_path_, errno);
  return {};
}

Result<> Start::read_spec() {
  Fd file(::openat(dir_.get(), "shim.spec", O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  struct stat status{};
  if (!file || ::fstat(file.get(), &status) != 0) {
    return failure("cannot open " + dir_path_ + "/shim.spec", errno);
  }
  if (!S_ISREG(status.st_mode) || status.st_uid != 0 || (status.st_mode & 077) != 0) {
    return std::unexpected(dir_path_ +
                           "/shim.spec must be root's alone (mode 0600): it holds secrets");
  }
  text_.resize(kSpecBytes + 1);
  ssize_t bytes = ::read(file.get(), text_.data(), text_.size());
  if (bytes < 0) return failure("cannot read " + dir_path_ + "/shim.spec", errno);
  text_.resize(static_cast<std::size_t>(bytes));
  auto spec = parse(text_);
  if (!spec) return std::unexpected(spec.error());
  spec_ = std::move(*spec);
  return {};
}

Result<> Start::isolate() {
  if (::unshare(CLONE_NEWNS | CLONE_NEWNET) != 0) {
    return failure("cannot make namespaces for the instance", errno);
  }
  if (auto done = own_mount_namespace(); !done) return done;
  if (auto done = tell({Step::namespaces, static_cast<std::uint32_t>(::getpid()), 0, {}}); !done) {
    return done;
  }
  return prepare_loopback();
}

Result<> Start::await_go() {
  auto packet = await_packet(host_.get(), kGoMs, "the host");
  if (!packet) return std::unexpected(packet.error());
  if (packet->end) return std::unexpected("the host went away before the start");
  auto message = door::parse_handshake(packet->bytes);
  if (!message || message->step != Step::go) return std::unexpected("the host did not say go");
  if (packet->fd_count != (spec_->kind == Kind::build ? 2U : 0U)) {
    return std::unexpected("the host must hand over two descriptors for a build, else none");
  }
  go_ = std::move(*packet);
  return {};
}

Result<Running> Start::run() {
  if (auto done = become_shim(); !done) return std::unexpected(done.error());
  if (auto done = read_spec(); !done) return std::unexpected(done.error());
  if (auto done = isolate(); !done) return std::unexpected(done.error());
  auto disk = build_root(dir_path_, *spec_);
  if (!disk) return std::unexpected(disk.error());
  if (auto done = await_go(); !done) return std::unexpected(done.error());
  auto cgroup = Cgroup::open(spec_->cgroups);
  if (!cgroup) return std::unexpected(cgroup.error());
  if (auto done = hide_hybrid_cgroup(); !done) return std::unexpected(done.error());
  auto sandbox =
      start_sandbox(dir_path_, *spec_, text_, *cgroup, go_.fds[0].get(), go_.fds[1].get());
  go_ = {};
  if (!sandbox) return std::unexpected(sandbox.error());
  return hand_over(std::move(*sandbox), std::move(*cgroup), std::move(*disk));
}

Result<Running> Start::hand_over(Sandbox sandbox, Cgroup cgroup, Fd disk) {
  const Owners& owners = spec_->owners;
  auto ctl = open_door(dir_.get(), "ctl.sock", owners.server_gid, owners.shim_uid);
  if (!ctl) return std::unexpected(ctl.error());
  auto door = open_door(dir_.get(), "door.sock", owners.router_gid, owners.shim_uid);
  if (!door) return std::unexpected(door.error());
  if (::fchown(dir_.get(), owners.shim_uid, owners.shim_gid) != 0) {
    return failure("cannot take over " + dir_path_, errno);
  }
  sigset_t terminate;
  sigemptyset(&terminate);
  sigaddset(&terminate, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &terminate, nullptr);
  Fd signals(::signalfd(-1, &terminate, SFD_CLOEXEC | SFD_NONBLOCK));
  if (auto dropped = drop_root(owners); !dropped) return std::unexpected(dropped.error());
  return Running{std::move(dir_),
                 std::move(sandbox.init_pidfd),
                 sandbox.init,
                 std::move(signals),
                 Instance(facts_of(*spec_), std::move(cgroup), std::move(sandbox.init_socket),
                          sandbox.init, std::move(disk)),
                 Doors(std::move(*ctl), std::move(*door), owners),
                 Output(*spec_, std::move(sandbox.out), std::move(sandbox.err))};
}

void Start::report_started(const Running& running) {
  (void)tell({Step::started,
              static_cast<std::uint32_t>(::getpid()),
              static_cast<std::uint32_t>(running.init),
              {}});
  host_.reset();
}

void Start::report(const std::string& text) {
  if (spec_ && dir_) {
    (void)!::fchown(dir_.get(), spec_->owners.shim_uid, spec_->owners.shim_gid);
    if (drop_root(spec_->owners)) {
      Output output(*spec_, {}, {});
      output.say(text, wall_now(), monotonic_now());
      door::Exit exit;
      exit.guid = spec_->guid;
      exit.cause = door::Cause::start_failed;
      exit.ended_ns = wall_now().ns;
      exit.text = text;
      (void)write_exit_file(dir_.get(), exit);
    }
  }
  (void)tell({Step::failed, 0, 0, text});
  // A "go" that is left unread would make the host's end forget the answer (ECONNRESET).
  ::shutdown(host_.get(), SHUT_RD);
  while (auto unread = receive_packet(host_.get(), limits::kDoorPacketBytes, MSG_DONTWAIT)) {
    if (unread->end) break;
  }
}

void detach_from_terminal() {
  Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  for (int fd = 0; null && fd < 3; ++fd) ::dup2(null.get(), fd);
}

}  // namespace

int run_shim(const std::string& dir, int handshake) {
  std::optional<Running> running;
  {
    Start start(dir, Fd(handshake));
    auto started = start.run();
    if (!started) {
      start.report(started.error());
      return 1;
    }
    running.emplace(std::move(*started));
    start.report_started(*running);
  }
  detach_from_terminal();
  ::malloc_trim(0);
  return supervise(std::move(*running));
}

}  // namespace nuri::shim

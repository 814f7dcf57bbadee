#include "host/shim/supervise.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include "host/shim/exit_file.h"
#include "host/shim/init_link.h"
#include "host/shim/packet_socket.h"

namespace nuri::shim {
namespace {

// How long init may take to be gone after its last word; then the shim reports without it.
constexpr Duration kInitEnd = 10s;

class Supervisor {
 public:
  explicit Supervisor(Running running) : run_(std::move(running)) {}
  int serve();

 private:
  enum Slot : std::size_t { kInit, kInitEnded, kTerminate, kOut, kErr, kDoors };

  int timeout_ms(Time now) const;
  void turn();
  void hear_init();
  void init_socket_ended();
  bool is_over() const;
  door::Exit last_words();

  Running run_;
  std::vector<pollfd> wait_;
  std::optional<InitMessage> ended_;  // init's last word
  bool init_gone_ = false;
  int init_status_ = 0;
  Time give_up_at_ = kNever;
};

int Supervisor::timeout_ms(Time now) const {
  Time next = std::min(run_.output.next_tick(now), give_up_at_);
  if (next == kNever) return -1;
  if (next <= now) return 0;
  return static_cast<int>(std::min<std::int64_t>((next - now) / 1ms + 1, 1'000'000));
}

void Supervisor::turn() {
  Time now = monotonic_now();
  wait_.clear();
  wait_.push_back({run_.instance.init_socket(), POLLIN, 0});
  wait_.push_back({init_gone_ ? -1 : run_.init_pidfd.get(), POLLIN, 0});
  wait_.push_back({run_.terminate.get(), POLLIN, 0});
  wait_.push_back({run_.output.out(now), POLLIN, 0});
  wait_.push_back({run_.output.err(now), POLLIN, 0});
  run_.doors.add_to(wait_);
  if (::poll(wait_.data(), wait_.size(), timeout_ms(now)) < 0) return;

  now = monotonic_now();
  WallTime wall = wall_now();
  run_.output.pump(wait_[kOut].revents != 0, wait_[kErr].revents != 0, wall, now);
  run_.output.tick(wall, now);
  run_.instance.set_log_lines_dropped(run_.output.dropped());
  if (wait_[kInit].revents != 0) hear_init();
  if (wait_[kInitEnded].revents != 0) {
    init_gone_ = ::waitpid(run_.init, &init_status_, WNOHANG) == run_.init;
  }
  if (wait_[kTerminate].revents != 0) {
    char signal[128];
    (void)!::read(run_.terminate.get(), signal, sizeof signal);
    (void)run_.instance.stop(0, -1);
  }
  run_.doors.serve(wait_, run_.instance);
}

void Supervisor::hear_init() {
  auto packet = receive_packet(run_.instance.init_socket(), limits::kDoorPacketBytes, MSG_DONTWAIT);
  if (!packet && errno == EAGAIN) return;
  if (!packet || packet->end) return init_socket_ended();
  auto message = parse_init_message(packet->bytes);
  if (!message || message->kind != InitMessage::Kind::ended) return;
  ended_ = std::move(*message);
  init_socket_ended();
}

// Init is dying or dead, and the kernel kills everything inside with it; what is frozen would not
// die.
void Supervisor::init_socket_ended() {
  run_.instance.set_over();
  run_.instance.close_init_socket();
  run_.instance.release_all();
  give_up_at_ = monotonic_now() + kInitEnd;
}

bool Supervisor::is_over() const { return init_gone_ || monotonic_now() >= give_up_at_; }

door::Exit Supervisor::last_words() {
  door::Exit exit = run_.instance.exit_record(run_.output.dropped());
  if (ended_) {
    exit.grace_exceeded = ended_->grace_exceeded;
    set_cause(exit, ended_->status);
  } else {
    exit.cause = exit.oom_kills > 0 ? door::Cause::out_of_memory : door::Cause::sandbox_killed;
    exit.signal = WIFSIGNALED(init_status_) ? WTERMSIG(init_status_) : 0;
  }
  return exit;
}

int Supervisor::serve() {
  while (!is_over()) turn();
  if (init_gone_ && !ended_ && run_.instance.init_socket() >= 0) hear_init();
  run_.instance.set_over();
  run_.output.drain(wall_now(), monotonic_now());
  door::Exit exit = last_words();
  Result<> written = write_exit_file(run_.dir.get(), exit);
  run_.doors.push(exit);
  return written ? 0 : 1;
}

}  // namespace

int supervise(Running running) { return Supervisor(std::move(running)).serve(); }

}  // namespace nuri::shim

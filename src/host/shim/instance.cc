#include "host/shim/instance.h"

#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "host/shim/door_sockets.h"
#include "host/shim/init_link.h"
#include "host/shim/packet_socket.h"
#include "host/shim/tcp_table.h"

namespace nuri::shim {
namespace {

constexpr std::uint64_t kNoRoomBytes = 64 * limits::kKiB;

struct DiskUse {
  std::uint64_t used = 0, total = 0;
  bool full = false;
};

DiskUse disk_use(const Fd& disk) {
  struct statfs status{};
  if (!disk || ::fstatfs(disk.get(), &status) != 0) return {};
  auto block = static_cast<std::uint64_t>(status.f_bsize);
  DiskUse use;
  use.total = status.f_blocks * block;
  use.used = (status.f_blocks - status.f_bfree) * block;
  use.full = status.f_bavail * block < kNoRoomBytes || status.f_ffree == 0;
  return use;
}

door::Reply refuse(door::Refused why, std::string text) {
  return {0, door::Refusal{why, std::move(text), {}}};
}

std::string list_ports(const std::vector<std::uint16_t>& ports) {
  std::string text;
  for (std::uint16_t port : ports) {
    text += text.empty() ? "" : ", ";
    text += std::to_string(port);
  }
  return text;
}

std::int64_t clock_ns(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return time.tv_sec * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

Time monotonic_now() { return {clock_ns(CLOCK_MONOTONIC)}; }
WallTime wall_now() { return {clock_ns(CLOCK_REALTIME)}; }

InstanceFacts facts_of(const ShimSpec& spec) {
  return {spec.guid, spec.app_guid,    spec.index,   spec.kind == Kind::build,
          spec.port, spec.stop_signal, spec.grace_ms};
}

Instance::Instance(InstanceFacts facts, Cgroup cgroup, Fd init_socket, pid_t init, Fd disk)
    : facts_(std::move(facts)),
      cgroup_(std::move(cgroup)),
      init_socket_(std::move(init_socket)),
      init_(init),
      disk_(std::move(disk)),
      started_(monotonic_now()),
      started_wall_(wall_now()) {}

door::Reply Instance::answer(const door::Request& request, std::vector<Fd>& fds) {
  using door::Verb;
  if (over_) return refuse(door::Refused::ended, "the instance has ended");
  switch (request.verb) {
    case Verb::hello:
      return {0, welcome()};
    case Verb::sockets:
      return sockets(request, fds);
    case Verb::listening:
      return {0, door::Listening{ports_of(read_listening())}};
    case Verb::stats:
      return {0, stats()};
    case Verb::freeze:
      if (stopping_) return refuse(door::Refused::failed, "the instance is being stopped");
      return done_or(set_frozen(true));
    case Verb::thaw:
    case Verb::wake:
      return done_or(set_frozen(false));
    case Verb::stop:
      return done_or(stop(request.signal, request.grace_ms));
  }
  return refuse(door::Refused::bad_request, "unknown verb");
}

door::Reply Instance::sockets(const door::Request& request, std::vector<Fd>& fds) {
  if (auto thawed = set_frozen(false); !thawed) return done_or(thawed);
  std::uint16_t port = request.port != 0 ? request.port : facts_.port;
  std::vector<ListenAddress> listening = read_listening();
  auto address = choose(listening, port);
  if (!address) {
    door::Refusal refusal{door::Refused::not_listening, "", ports_of(listening)};
    refusal.text = "nothing listens on port " + std::to_string(port);
    refusal.text += refusal.ports.empty() ? ", nor on any other"
                                          : "; it listens on: " + list_ports(refusal.ports);
    return {0, std::move(refusal)};
  }
  for (std::uint32_t i = 0; i < request.count; ++i) {
    auto made = make_door_socket(*address);
    if (!made) {
      fds.clear();
      return refuse(door::Refused::failed, made.error());
    }
    fds.push_back(std::move(*made));
  }
  return {0, door::Sockets{request.count, to_text(*address)}};
}

door::Reply Instance::done_or(Result<> result) {
  if (!result) return refuse(door::Refused::failed, result.error());
  return {0, door::Done{}};
}

Result<> Instance::set_frozen(bool frozen) {
  if (frozen == frozen_) return {};
  Result<> done = frozen ? cgroup_.freeze() : cgroup_.thaw();
  if (done) frozen_ = frozen;
  return done;
}

Result<> Instance::stop(int signal, std::int64_t grace_ms) {
  stopping_ = true;
  if (auto thawed = set_frozen(false); !thawed) return thawed;
  InitMessage order;
  order.kind = InitMessage::Kind::stop;
  order.signal = signal != 0 ? signal : facts_.stop_signal;
  order.grace_ms = grace_ms >= 0 ? static_cast<std::uint32_t>(grace_ms) : facts_.grace_ms;
  if (!send_packet(init_socket_.get(), encode(order), {}, MSG_DONTWAIT)) {
    return failure("cannot tell init to stop the app", errno);
  }
  return {};
}

void Instance::release_all() {
  (void)cgroup_.thaw();
  frozen_ = false;
  (void)cgroup_.kill();
}

door::Welcome Instance::welcome() const {
  door::Welcome welcome;
  welcome.guid = facts_.guid;
  welcome.app_guid = facts_.app_guid;
  welcome.index = facts_.index;
  welcome.pid = static_cast<std::uint32_t>(::getpid());
  welcome.init = static_cast<std::uint32_t>(init_);
  welcome.port = facts_.port;
  welcome.build = facts_.build;
  welcome.frozen = frozen_;
  welcome.stopping = stopping_;
  welcome.started_ns = started_wall_.ns;
  return welcome;
}

door::Stats Instance::stats() const {
  CgroupUse use = cgroup_.use();
  DiskUse disk = disk_use(disk_);
  door::Stats stats;
  stats.cpu_ns = use.cpu_ns;
  stats.memory_bytes = use.memory_bytes;
  stats.memory_peak = use.memory_peak;
  stats.pids = use.pids;
  stats.oom_kills = use.oom_kills;
  stats.disk_used = disk.used;
  stats.disk_total = disk.total;
  stats.log_lines_dropped = log_lines_dropped_;
  stats.uptime_ns = (monotonic_now() - started_).count();
  stats.frozen = frozen_;
  return stats;
}

door::Exit Instance::exit_record(std::uint64_t log_lines_dropped) const {
  CgroupUse use = cgroup_.use();
  DiskUse disk = disk_use(disk_);
  door::Exit exit;
  exit.guid = facts_.guid;
  exit.stop_requested = stopping_;
  exit.oom_kills = use.oom_kills;
  exit.pids_denied = use.pids_denied;
  exit.memory_peak = use.memory_peak;
  exit.disk_used = disk.used;
  exit.disk_total = disk.total;
  exit.disk_full = disk.full;
  exit.log_lines_dropped = log_lines_dropped;
  exit.started_ns = started_wall_.ns;
  exit.ended_ns = wall_now().ns;
  return exit;
}

}  // namespace nuri::shim

#include "host/shim/doors.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "host/shim/packet_socket.h"

namespace nuri::shim {
namespace {

constexpr std::size_t kPerKind = limits::kDoorConnections / 2;
constexpr int kBacklog = 32;
constexpr int kRequestsPerTurn = 8;

bool allowed_on_door(door::Verb verb) {
  using door::Verb;
  return verb == Verb::hello || verb == Verb::sockets || verb == Verb::listening ||
         verb == Verb::wake;
}

door::Reply reply_to(std::string_view bytes, DoorKind kind, bool& greeted, Instance& instance,
                     std::vector<Fd>& fds) {
  auto request = door::parse_request(bytes);
  if (!request) return {0, door::Refusal{door::Refused::bad_request, request.error(), {}}};
  auto refusal = check_request(*request, kind, greeted);
  door::Reply reply;
  if (refusal) {
    reply.body = std::move(*refusal);
  } else {
    greeted = true;
    reply = instance.answer(*request, fds);
  }
  reply.id = request->id;
  return reply;
}

}  // namespace

std::optional<door::Refusal> check_request(const door::Request& request, DoorKind kind,
                                           bool greeted) {
  using door::Refusal, door::Refused, door::Verb;
  if (kind == DoorKind::door && !allowed_on_door(request.verb)) {
    return Refusal{Refused::bad_request, "not allowed on door.sock: use ctl.sock", {}};
  }
  if (request.verb == Verb::hello) {
    bool common = request.oldest <= door::kNewestVersion && request.newest >= door::kOldestVersion;
    if (!common) return Refusal{Refused::version, "this shim speaks version 1", {}};
  } else if (!greeted) {
    return Refusal{Refused::version, "say hello first", {}};
  }
  return std::nullopt;
}

Result<Fd> open_door(int dir, const char* name, gid_t group, uid_t owner) {
  std::string doing = std::string("cannot open ") + name;
  Fd listener(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  // Short whatever the path of the directory: sun_path holds 107 bytes.
  std::string path = "/proc/self/fd/" + std::to_string(dir) + "/" + name;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  ::unlinkat(dir, name, 0);
  if (!listener ||
      ::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      ::fchownat(dir, name, owner, group, AT_SYMLINK_NOFOLLOW) != 0 ||
      ::fchmodat(dir, name, 0660, 0) != 0 || ::listen(listener.get(), kBacklog) != 0) {
    return failure(doing, errno);
  }
  return listener;
}

Doors::Doors(Fd ctl, Fd door, const Owners& owners)
    : ctl_(std::move(ctl)), door_(std::move(door)), owners_(owners) {}

void Doors::add_to(std::vector<pollfd>& wait) {
  first_polled_ = wait.size();
  wait.push_back({ctl_.get(), POLLIN, 0});
  wait.push_back({door_.get(), POLLIN, 0});
  for (const Connection& connection : connections_) {
    wait.push_back({connection.fd.get(), POLLIN, 0});
  }
}

void Doors::serve(const std::vector<pollfd>& wait, Instance& instance) {
  std::size_t polled = wait.size() - first_polled_ - 2;
  for (std::size_t i = 0; i < polled; ++i) {
    if (wait[first_polled_ + 2 + i].revents == 0) continue;
    if (!serve_one(connections_[i], instance)) connections_[i].fd.reset();
  }
  std::erase_if(connections_, [](const Connection& connection) { return !connection.fd; });
  if (wait[first_polled_].revents != 0) accept_from(ctl_, DoorKind::ctl);
  if (wait[first_polled_ + 1].revents != 0) accept_from(door_, DoorKind::door);
}

bool Doors::may_connect(int socket, DoorKind kind) const {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
  return peer.uid == 0 ||
         peer.uid == (kind == DoorKind::ctl ? owners_.server_uid : owners_.router_uid);
}

void Doors::accept_from(const Fd& listener, DoorKind kind) {
  for (;;) {
    Fd made(::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!made) return;
    auto same_kind = [kind](const Connection& c) { return c.kind == kind; };
    auto open = std::count_if(connections_.begin(), connections_.end(), same_kind);
    if (open >= static_cast<std::ptrdiff_t>(kPerKind) || !may_connect(made.get(), kind)) continue;
    connections_.push_back({std::move(made), kind, false});
  }
}

bool Doors::serve_one(Connection& connection, Instance& instance) {
  for (int i = 0; i < kRequestsPerTurn; ++i) {
    auto packet = receive_packet(connection.fd.get(), limits::kDoorPacketBytes, MSG_DONTWAIT);
    if (!packet) return errno == EAGAIN;
    if (packet->end) return false;
    std::vector<Fd> fds;
    door::Reply reply = reply_to(packet->bytes, connection.kind, connection.greeted, instance, fds);
    std::vector<int> raw;
    for (const Fd& fd : fds) raw.push_back(fd.get());
    if (!send_packet(connection.fd.get(), door::encode(reply), raw, MSG_DONTWAIT)) return false;
  }
  return true;
}

void Doors::push(const door::Exit& exit) {
  std::string bytes = door::encode(door::Reply{0, exit});
  for (Connection& connection : connections_) {
    if (connection.kind == DoorKind::ctl && connection.greeted) {
      (void)send_packet(connection.fd.get(), bytes, {}, MSG_DONTWAIT);
    }
  }
}

}  // namespace nuri::shim

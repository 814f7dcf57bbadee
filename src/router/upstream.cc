#include "router/upstream.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <algorithm>

#include "async/deadline.h"
#include "async/task_group.h"
#include "base/limits.h"
#include "engine/door.h"

namespace nuri::router {
namespace {

constexpr std::string_view kDoorPrefix = "door:";
constexpr std::size_t kIdleConnections = 256;  // kept, of one upstream and worker
constexpr int kFailuresToEject = 5;
constexpr Duration kFirstBan = 1s;
constexpr int kMostBans = 5;  // doublings
constexpr std::uint32_t kBatch = 8;
constexpr Duration kDoorDeadline = 5s;

// A kept connection that the app has closed, or on which it said something unasked, is of no use.
bool still_good(int socket) {
  char byte;
  return ::recv(socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
         (errno == EAGAIN || errno == EWOULDBLOCK);
}

}  // namespace

Upstream::Upstream(async::Loop& loop, async::TaskGroup& group, model::Upstream spec)
    : loop_(loop), group_(group), spec_(std::move(spec)) {}
Upstream::~Upstream() = default;

Task<IoResult<Upstream::Lease>> Upstream::connect(bool fresh) {
  while (!fresh && !idle_.empty()) {
    async::Descriptor socket = std::move(idle_.back());
    idle_.pop_back();
    if (still_good(socket.native())) co_return Lease{std::move(socket), true};
  }
  auto socket =
      spec_.address.starts_with(kDoorPrefix) ? co_await connect_door() : co_await connect_address();
  if (!socket) co_return std::unexpected(socket.error());
  co_return Lease{std::move(*socket), false};
}

void Upstream::keep(async::Descriptor socket) {
  if (!gone_ && idle_.size() < kIdleConnections) idle_.push_back(std::move(socket));
}

void Upstream::end() {
  if (--outstanding_ > 0) return;
  auto calls = std::move(idle_calls_);
  idle_calls_.clear();
  for (auto& call : calls) call();
}

void Upstream::when_idle(std::function<void()> then) {
  if (outstanding_ == 0) return then();
  idle_calls_.push_back(std::move(then));
}

void Upstream::succeeded() { failures_ = bans_ = 0; }

void Upstream::failed(Time now) {
  if (++failures_ < kFailuresToEject) return;
  banned_until_ = now + kFirstBan * (1 << bans_);
  bans_ = std::min(bans_ + 1, kMostBans);
  // One more failure after the ban is enough for the next.
  failures_ = kFailuresToEject - 1;
}

Task<IoResult<async::Descriptor>> Upstream::connect_address() {
  const auto to = net::Address::parse(spec_.address);
  if (!to) co_return std::unexpected(IoError::unreachable);
  Fd socket(::socket(to->family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) co_return std::unexpected(io_error_of(errno));
  const int one = 1;
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  async::Descriptor descriptor(loop_, std::move(socket));
  if (auto done = co_await descriptor.connect(to->raw(), to->bytes()); !done)
    co_return std::unexpected(done.error());
  co_return std::move(descriptor);
}

Task<IoResult<async::Descriptor>> Upstream::connect_door() {
  // A second round: the first sockets may be for an address that the app has left.
  for (int round = 0;; ++round) {
    if (sockets_.empty())
      if (auto more = co_await async::within(kDoorDeadline, more_sockets()); !more)
        co_return std::unexpected(more.error());
    if (sockets_.empty()) continue;
    async::Descriptor descriptor(loop_, std::move(sockets_.back()));
    sockets_.pop_back();
    const net::Address to = sockets_to_;
    auto done = co_await descriptor.connect(to.raw(), to.bytes());
    if (done) co_return std::move(descriptor);
    if (round > 0 || done.error() == IoError::cancelled || done.error() == IoError::timed_out)
      co_return std::unexpected(done.error());
    sockets_.clear();
  }
}

// Asks for a batch, or waits for one that was asked for already.
Task<IoResult<void>> Upstream::more_sockets() {
  if (gone_) co_return std::unexpected(IoError::unreachable);
  if (auto opened = co_await open_door(); !opened) co_return opened;
  if (!asking_) {
    asking_ = true;
    door_error_ = {};
    door::Request request;
    request.verb = door::Verb::sockets;
    request.id = next_ask_++;
    request.count = kBatch;
    request.port = static_cast<std::uint16_t>(spec_.port);
    if (auto sent = co_await door_.send(door::encode(request)); !sent) {
      asking_ = false;
      door_changed_.pulse();
      co_return sent;
    }
  }
  while (asking_)
    if (auto waited = co_await door_changed_.wait(); !waited) co_return waited;
  if (sockets_.empty())
    co_return std::unexpected(door_error_ == IoError{} ? IoError::refused : door_error_);
  co_return IoResult<void>{};
}

Task<IoResult<void>> Upstream::open_door() {
  while (opening_)
    if (auto waited = co_await door_changed_.wait(); !waited) co_return waited;
  if (door_) co_return IoResult<void>{};
  opening_ = true;
  auto socket =
      co_await net::PacketSocket::connect(loop_, spec_.address.substr(kDoorPrefix.size()));
  opening_ = false;
  door_changed_.pulse();
  if (!socket) {
    if (socket.error() == IoError::unreachable || socket.error() == IoError::refused) gone_ = true;
    co_return std::unexpected(socket.error());
  }
  door_ = std::move(*socket);
  group_.spawn(watch_door(shared_from_this()));
  door::Request hello;
  hello.id = 1;
  co_return co_await door_.send(door::encode(hello));
}

Task<void> Upstream::watch_door(std::shared_ptr<Upstream> self) {
  for (;;) {
    auto packet = co_await self->door_.receive(limits::kDoorPacketBytes);
    if (!packet || packet->end()) break;
    auto reply = door::parse_reply(packet->text);
    if (!reply) break;
    if (const auto* sockets = std::get_if<door::Sockets>(&reply->body)) {
      const auto to = net::Address::parse(sockets->to);
      if (!to) break;
      self->sockets_to_ = *to;
      for (auto& fd : packet->fds) self->sockets_.push_back(std::move(fd));
    } else if (const auto* refusal = std::get_if<door::Refusal>(&reply->body)) {
      self->door_error_ =
          refusal->why == door::Refused::not_listening ? IoError::refused : IoError::unreachable;
      if (refusal->why == door::Refused::ended) break;
    } else {
      continue;  // the answer to hello
    }
    self->asking_ = false;
    self->door_changed_.pulse();
  }
  // End of file means that the instance is gone.
  self->gone_ = true;
  self->asking_ = false;
  self->door_error_ = IoError::unreachable;
  self->door_ = {};
  self->sockets_.clear();
  self->idle_.clear();
  self->door_changed_.pulse();
}

}  // namespace nuri::router

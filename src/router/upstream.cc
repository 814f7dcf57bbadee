#include "router/upstream.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <algorithm>

#include "base/limits.h"
#include "engine/door.h"
#include "router/http2_link.h"

namespace nuri::router {
namespace {

constexpr std::string_view kDoorPrefix = "door:";
constexpr int kFailuresToEject = 5;
constexpr Duration kFirstBan = 1s;
constexpr int kMostBans = 5;  // doublings
constexpr int kLeastBatch = 8;

// A kept connection that the app has closed, or on which it said something unasked, is of no use.
bool still_good(Line& line) {
  if (line.carrier) return line.carrier->reusable();
  return line.socket.look() == async::Descriptor::There::nothing;
}

}  // namespace

Upstream::Upstream(async::Loop& loop, model::Upstream spec)
    : loop_(loop), spec_(std::move(spec)), watch_(loop) {}
Upstream::~Upstream() = default;

bool Upstream::is(const model::Upstream& spec) const {
  model::Upstream same = spec;
  same.weight = spec_.weight;
  return same == spec_;
}

std::optional<Line> Upstream::take_kept(Look look) {
  while (!idle_.empty()) {
    Line line = std::move(idle_.back().line);
    idle_.pop_back();
    const bool seen = look == Look::no && !line.carrier && line.socket.seen_quiet();
    if (seen || still_good(line)) return line;
  }
  return std::nullopt;
}

Task<IoResult<Line>> Upstream::connect() {
  auto socket =
      co_await (spec_.address.starts_with(kDoorPrefix) ? connect_door() : connect_address());
  if (!socket) co_return std::unexpected(socket.error());
  if (spec_.protocol == model::DestinationProtocol::http2)
    co_return Line{{}, std::make_unique<Http2Link>(std::move(*socket))};
  co_return Line{std::move(*socket)};
}

void Upstream::keep(Line line) {
  if (!gone_ && idle_.size() < limits::kKeptPerUpstream)
    idle_.push_back({std::move(line), loop_.now()});
}

void Upstream::prune(Time now) {
  std::erase_if(idle_, [now](Kept& kept) {
    return now - kept.since > limits::kKeptDeadline || !still_good(kept.line);
  });
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

InstanceCounters Upstream::counted() const {
  InstanceCounters out = counters_;
  out.in_flight = outstanding_;
  return out;
}

void Upstream::failed(Time now) {
  ++counters_.failures;
  if (++failures_ < kFailuresToEject) return;
  ++counters_.ejections;
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
    if (auto more = co_await more_sockets(); !more) co_return std::unexpected(more.error());
    async::Descriptor descriptor(loop_, std::move(sockets_.back()));
    sockets_.pop_back();
    const net::Address to = sockets_to_;
    auto done = co_await descriptor.connect(to.raw(), to.bytes());
    if (done) co_return std::move(descriptor);
    if (round > 0 || done.error() == IoError::cancelled || done.error() == IoError::timed_out)
      co_return std::unexpected(done.error());
    if (sockets_to_ == to) sockets_.clear();
  }
}

// Returns with at least one socket to take. One ask at a time: others wait for its answer, and ask
// again if it brought too few.
Task<IoResult<void>> Upstream::more_sockets() {
  struct Waiting {
    int& count;
    explicit Waiting(int& c) : count(c) { ++count; }
    ~Waiting() { --count; }
  };
  const Waiting waiting(waiting_);
  while (sockets_.empty()) {
    if (gone_) co_return std::unexpected(IoError::unreachable);
    if (!asking_) {
      if (auto asked = co_await ask(); !asked) co_return asked;
      continue;
    }
    if (auto waited = co_await door_changed_.wait(); !waited) co_return waited;
    if (sockets_.empty() && !asking_ && door_error_) co_return std::unexpected(*door_error_);
  }
  co_return IoResult<void>{};
}

Task<IoResult<void>> Upstream::ask() {
  asking_ = true;
  door_error_ = {};
  auto asked = co_await open_door();
  if (asked) {
    door::Request request;
    request.verb = door::Verb::sockets;
    request.id = next_ask_++;
    request.count = static_cast<std::uint32_t>(
        std::clamp(waiting_, kLeastBatch, static_cast<int>(limits::kSocketsPerBatch)));
    request.port = static_cast<std::uint16_t>(spec_.port);
    asked = co_await door_.send(door::encode(request));
  }
  if (!asked) {
    asking_ = false;
    // Another's deadline or end is not an answer to those who wait.
    if (asked.error() != IoError::cancelled && asked.error() != IoError::timed_out)
      door_error_ = asked.error();
    door_changed_.pulse();
  }
  co_return asked;
}

Task<IoResult<void>> Upstream::open_door() {
  if (door_) co_return IoResult<void>{};
  auto socket =
      co_await net::PacketSocket::connect(loop_, spec_.address.substr(kDoorPrefix.size()));
  if (!socket) {
    if (socket.error() == IoError::unreachable || socket.error() == IoError::refused) leave();
    co_return std::unexpected(socket.error());
  }
  door_ = std::move(*socket);
  watch_.spawn(watch_door());
  door::Request hello;
  hello.id = 1;
  co_return co_await door_.send(door::encode(hello));
}

Task<void> Upstream::watch_door() {
  for (;;) {
    auto packet = co_await door_.receive(limits::kDoorPacketBytes);
    // End of file means that the instance is gone.
    if (!packet || packet->end() || !take(std::move(*packet))) break;
  }
  leave();
}

// False: the door is of no use any more.
bool Upstream::take(net::PacketSocket::Packet packet) {
  const auto reply = door::parse_reply(packet.text);
  if (!reply) return false;
  if (const auto* sockets = std::get_if<door::Sockets>(&reply->body)) {
    const auto to = net::Address::parse(sockets->to);
    if (!to || packet.fds.empty()) return false;
    if (!(*to == sockets_to_)) sockets_.clear();
    sockets_to_ = *to;
    for (auto& fd : packet.fds) sockets_.push_back(std::move(fd));
  } else if (const auto* refusal = std::get_if<door::Refusal>(&reply->body)) {
    if (refusal->why == door::Refused::ended) return false;
    door_error_ =
        refusal->why == door::Refused::not_listening ? IoError::refused : IoError::unreachable;
  } else {
    return true;  // the answer to hello
  }
  asking_ = false;
  door_changed_.pulse();
  return true;
}

void Upstream::leave() {
  gone_ = true;
  asking_ = false;
  door_error_ = IoError::unreachable;
  sockets_.clear();
  idle_.clear();
  // Who sends on it ends by itself.
  if (door_) ::shutdown(door_.native(), SHUT_RDWR);
  door_changed_.pulse();
}

}  // namespace nuri::router

#include "router/wire.h"

#include <errno.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "async/deadline.h"
#include "async/operation_io.h"
#include "async/task_group.h"
#include "base/assert.h"

namespace nuri::router {
namespace {

constexpr std::size_t kLotsBytes = 32 * limits::kKiB;

}  // namespace

void Wire::finish() {
  if (line_.carrier) return line_.carrier->finish();
  ::shutdown(line_.socket.native(), SHUT_WR);
}

void Wire::break_off() {
  if (line_.carrier) return line_.carrier->break_off();
  const linger now{1, 0};
  ::setsockopt(line_.socket.native(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

bool Wire::bytes_wait() const {
  if (line_.carrier) return line_.carrier->bytes_wait();
  return line_.socket.look() == async::Descriptor::There::bytes;
}

Wire::Watch::Watch(Wire& wire, async::Scope& scope) : carrier_(wire.line_.carrier.get()) {
  if (carrier_)
    carrier_->watch(&scope);
  else
    socket_.emplace(wire.line_.socket, scope);
}

Wire::Watch::~Watch() {
  if (carrier_) carrier_->watch(nullptr);
}

void Wire::consume(std::size_t n) {
  if (kept_.empty()) {
    chunk_.consume(n);
    if (chunk_.empty()) chunk_.reset();
    return;
  }
  kept_at_ += n;
  if (kept_at_ == kept_.size()) {
    std::string().swap(kept_);
    kept_at_ = 0;
  }
}

void Wire::keep() {
  if (lent()) kept_.assign(chunk_.view());
  chunk_.reset();
}

Wire::Receive::Receive(Wire& wire, Duration idle) : wire_(wire) {
  wire.keep();
  // What was consumed must not stay, or a peer that never ends at the end of a chunk fills memory.
  wire.kept_.erase(0, std::exchange(wire.kept_at_, 0));
  if (wire.line_.carrier) {
    carried_ = wire.line_.carrier->receive(wire.kept_, idle);
  } else {
    const auto& socket = wire.line_.socket;
    socket_.emplace(socket.loop(), socket.slot(), async::Operation::Kind::recv).within(idle);
  }
}

Wire::Receive&& Wire::Receive::in(async::Scope& scope) && {
  in_ = &scope;
  if (socket_) socket_->in(scope);
  return std::move(*this);
}

IoResult<void> Wire::Receive::await_resume() {
  if (!socket_) return carried();
  auto chunk = socket_->await_resume();
  if (!chunk) return std::unexpected(chunk.error());
  if (wire_.kept_.empty())
    wire_.chunk_ = std::move(*chunk);
  else
    wire_.kept_.append(chunk->view());
  return {};
}

Task<IoResult<void>> Wire::receive_lots(const Passage& passage, Duration idle) {
  if (line_.carrier) co_return co_await receive(idle);
  for (;;) {
    std::string().swap(kept_);  // while it waits
    if (auto ready = co_await readable().within(idle); !ready) co_return ready;
    kept_.resize_and_overwrite(passage.share(kLotsBytes), [](char*, std::size_t n) { return n; });
    const auto n = read_now(kept_);
    kept_.resize(n ? n->value_or(0) : 0);
    if (!n) co_return std::unexpected(n.error());
    if (*n) co_return IoResult<void>{};
  }
}

Task<IoResult<void>> Wire::takes_more(Duration idle) {
  if (line_.carrier) co_return co_await line_.carrier->takes_more(idle);
  co_return co_await line_.socket.writable().within(idle);
}

IoResult<std::optional<std::size_t>> Wire::read_now(std::span<char> space) {
  if (const std::size_t held = line_.socket.take_held(space)) return held;
  const ssize_t n = async::read_some(line_.socket.native(), space);
  if (n >= 0) return static_cast<std::size_t>(n);
  if (errno == EAGAIN) return std::nullopt;
  return std::unexpected(io_error_of(errno));
}

std::size_t Wire::send_now(std::string_view bytes) {
  const ssize_t n =
      ::send(line_.socket.native(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  return n > 0 ? static_cast<std::size_t>(n) : 0;
}

Wire::Send::Send(Wire& wire, std::string_view first, std::string_view second, Duration idle,
                 std::size_t* sent)
    : parts_{iovec{const_cast<char*>(first.data()), first.size()},
             iovec{const_cast<char*>(second.data()), second.size()}},
      sent_(sent) {
  if (wire.line_.carrier) {
    carried_ = wire.line_.carrier->send(first, second, carried_bytes_, idle);
    return;
  }
  std::span<iovec> all(parts_);
  if (second.empty()) all = all.first(1);
  if (first.empty()) all = all.subspan(1);
  const auto& socket = wire.line_.socket;
  socket_.emplace(socket.loop(), socket.slot(), all).within(idle);
}

IoResult<void> Wire::Send::await_resume() {
  if (sent_) *sent_ = socket_ ? socket_->done : carried_bytes_;
  return socket_ ? socket_->await_resume() : carried();
}

bool Wire::HeadReader::done() {
  if (head_) return true;
  before_ = wire_.here().size();
  const auto parsed = parser_.parse(wire_.here(), space_);
  if (!parsed) {
    wire_.keep();
    head_ = {.outcome = Head::Outcome::refused, .refusal = parsed.error(), .began = true};
  } else if (*parsed) {
    head_ = {.outcome = Head::Outcome::complete, .view = *parsed, .began = true};
  } else if (before_ > 0 && !deadline_) {
    deadline_ = wire_.loop_.now() + rest_;
  }
  return head_.has_value();
}

Duration Wire::HeadReader::patience() const {
  return deadline_ ? std::max<Duration>(*deadline_ - wire_.loop_.now(), Duration(0)) : first_;
}

void Wire::HeadReader::note(const IoResult<void>& received) {
  if (received && wire_.here().size() > before_) return;
  const bool closed = received && before_ == 0;
  head_ = {.outcome = closed ? Head::Outcome::closed : Head::Outcome::failed,
           .error = received ? IoError::end : received.error(),
           .began = before_ > 0};
}

namespace {

// What of here() belongs to the body; false if it is malformed. Content is counted, and appended to
// `data` if that is all that is wanted.
bool take_body(http::BodyParser& parser, std::string_view here, Relay how, std::size_t& taken,
               std::string& data, std::uint64_t& bytes) {
  taken = 0;
  while (!parser.done() && taken < here.size()) {
    const auto step = parser.parse(here.substr(taken));
    if (!step) return false;
    if (how == Relay::data_only) data += step->data;
    bytes += step->data.size();
    taken += step->consumed;
  }
  return true;
}

RelayResult refused(RelayResult result, IoError why) {
  result.outcome = std::unexpected(why);
  result.from_failed = true;
  return result;
}

struct Passing {
  Wire& from;
  Wire& to;
  http::BodyParser& parser;
  Passage::Pace& pace;
};

// One piece of at most `asked` from socket to socket, with `out` (at most Passage::kBefore) before
// it, without a wait; returns as read_now(). Then `out` is what the receiver did not take.
IoResult<std::optional<std::size_t>> pass_on(Passing on, std::size_t asked, std::string& out,
                                             std::uint64_t& bytes, std::uint64_t most) {
  const auto space = on.pace.space();
  const std::size_t before = out.copy(space.data(), Passage::kBefore);
  NURI_ASSERT(before == out.size());
  const auto n = on.from.read_now(space.subspan(before, asked));
  if (!n || !*n || **n == 0) return n;
  const std::string_view here(space.data(), before + **n);
  std::size_t taken = 0;
  std::string none;
  if (!take_body(on.parser, here.substr(before), Relay::as_it_is, taken, none, bytes))
    return std::unexpected(IoError::malformed);
  if (bytes > most) return std::unexpected(IoError::too_large);
  const std::size_t all = before + taken, sent = on.to.send_now(here.substr(0, all));
  on.pace.note(all, sent);
  out.assign(here.substr(sent, all - sent));
  on.from.put_back(here.substr(all));
  return n;
}

// From socket to socket while much follows. False: `result` says how it ended.
Task<bool> relay_lots(Passing on, const Passage& passage, RelayResult& result, Patience patience,
                      std::uint64_t most) {
  std::string out;  // what the receiver did not take at once
  Time moved{};     // in this turn, if any
  for (bool drained = true; !on.parser.done();) {
    if (drained) result.outcome = co_await on.from.readable().within(patience.receive);
    if (result.outcome && moved == on.from.turn() && on.pace.turn_is_over(moved))
      result.outcome = co_await async::yield();
    if (!result.outcome) {
      result.from_failed = true;
      co_return false;
    }
    // What is taken at once is held by nobody.
    if (passage.full()) result.outcome = co_await on.to.takes_more(patience.send);
    if (!result.outcome) co_return false;
    const std::size_t asked = on.pace.bytes(on.from.turn());
    const auto n = pass_on(on, asked, out, result.bytes, most);
    const bool ended = n && n->value_or(1) == 0;
    if (ended && on.parser.may_end()) co_return false;
    if (!n || ended) {
      result = refused(result, n ? IoError::end : n.error());
      co_return false;
    }
    drained = n->value_or(0) < asked;
    if (*n) moved = on.from.turn();
    if (!out.empty()) result.outcome = co_await on.to.send(out, {}, patience.send);
    if (!result.outcome) co_return false;
    on.pace.hold(0);
    std::string().swap(out);
    if (n->value_or(limits::kChunkBytes) < limits::kChunkBytes && !on.parser.left()) break;
  }
  co_return true;
}

}  // namespace

Task<RelayResult> relay_body(Wire& from, Wire& to, Passage& passage, http::Framing framing,
                             Relay how, std::string prefix, Patience patience, std::uint64_t most) {
  http::BodyParser parser(framing);
  RelayResult result;
  std::string out = std::move(prefix);
  Passage::Pace pace(passage);
  const bool sockets = from.is_socket() && to.is_socket() && how == Relay::as_it_is;
  const auto lots_follow = [&](bool flows) {
    return from.here().empty() &&
           parser.left().value_or(flows ? UINT64_MAX : 0) > limits::kChunkBytes;
  };
  for (bool flows = false, first = true;; first = false) {
    std::size_t taken = 0;
    flows |= from.here().size() >= limits::kChunkBytes;
    const bool good = take_body(parser, from.here(), how, taken, out, result.bytes);
    if (!good || result.bytes > most) {
      from.keep();
      co_return refused(result, good ? IoError::too_large : IoError::malformed);
    }
    // A wire's own buffer is sent as it is; what is in the loop's is copied.
    const bool copied = from.lent() || how == Relay::data_only;
    if (copied) {
      if (how == Relay::as_it_is) out += from.here().substr(0, taken);
      from.consume(taken);
      from.keep();
    }
    if (first && sockets && !out.empty() && out.size() <= Passage::kBefore && lots_follow(flows)) {
      // What is there already goes out with the beginning.
      const auto n =
          pass_on({from, to, parser, pace}, pace.bytes(from.turn()), out, result.bytes, most);
      if (!n) co_return refused(result, n.error());
      result.begun = true;
      if (n->value_or(0) > 0) continue;
    }
    const std::string_view rest = copied ? std::string_view() : from.here().substr(0, taken);
    result.begun = true;
    // A carrier has a copy, too.
    if (!sockets) pace.hold(2 * (out.size() + rest.size()));
    if (!out.empty() || !rest.empty()) result.outcome = co_await to.send(out, rest, patience.send);
    if (!result.outcome) co_return result;
    pace.hold(0);
    if (!copied) from.consume(taken);
    out.clear();
    if (parser.done()) co_return result;
    const bool lots = lots_follow(flows);
    if (lots && sockets) {
      // What has been sent needs no room while the next is awaited.
      if (out.capacity() > limits::kChunkBytes) std::string().swap(out);
      if (!co_await relay_lots({from, to, parser, pace}, passage, result, patience, most))
        co_return result;
      flows = false;
      continue;
    }
    flows = false;
    const bool full = passage.full();
    if (full) result.outcome = co_await to.takes_more(patience.send);
    if (!result.outcome) co_return result;
    result.outcome = lots && !full ? co_await from.receive_lots(passage, patience.receive)
                                   : co_await from.receive(patience.receive);
    if (result.outcome && !from.here().empty()) continue;
    if (result.outcome && parser.may_end()) co_return result;
    co_return refused(result, result.outcome ? IoError::end : result.outcome.error());
  }
}

namespace {

Task<void> relay_one_way(Wire& from, Wire& to, Passage& passage, Duration idle,
                         async::DeadlineScope& quiet, async::TaskGroup& both,
                         std::uint64_t& bytes) {
  constexpr auto kAnyTime = Duration::max();  // `quiet` is the limit of both ways together
  Passage::Hold hold(passage);
  for (;;) {
    const bool lots = from.here().size() >= limits::kChunkBytes && !passage.full();
    if (!from.here().empty()) {
      from.keep();
      hold.set(2 * from.here().size());  // a carrier has a copy, too
      if (!co_await to.send(from.here(), {}, kAnyTime)) break;
      bytes += from.here().size();
      from.consume(from.here().size());
      hold.set(0);
      quiet.extend(idle);
    }
    if (passage.full() && !co_await to.takes_more(kAnyTime)) break;
    if (!(lots ? co_await from.receive_lots(passage, kAnyTime) : co_await from.receive(kAnyTime)))
      break;
    quiet.extend(idle);
    if (from.here().empty()) {
      to.finish();
      co_return;
    }
  }
  both.cancel();
}

}  // namespace

Task<TunnelBytes> relay_all(Wire& a, Wire& b, Passage& passage, Duration idle) {
  TunnelBytes bytes;
  async::DeadlineScope quiet(co_await async::current_scope(), idle);
  async::TaskGroup both(quiet);
  both.spawn(relay_one_way(a, b, passage, idle, quiet, both, bytes.from_a));
  both.spawn(relay_one_way(b, a, passage, idle, quiet, both, bytes.from_b));
  co_await both.join();
  co_return bytes;
}

}  // namespace nuri::router

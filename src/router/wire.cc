#include "router/wire.h"

#include <sys/socket.h>

#include "async/task_group.h"

namespace nuri::router {
namespace {

constexpr std::size_t kSmall = 16 * limits::kKiB;  // is copied to go out in one write

Task<IoResult<async::Chunk>> recv(async::Descriptor& socket) { co_return co_await socket.recv(); }
Task<IoResult<void>> send(async::Descriptor& socket, std::string_view bytes) {
  co_return co_await socket.send(bytes);
}

}  // namespace

void Wire::consume(std::size_t n) {
  if (kept_.empty()) {
    chunk_.consume(n);
    if (chunk_.empty()) chunk_.reset();
    return;
  }
  kept_at_ += n;
  if (kept_at_ == kept_.size()) {
    kept_.clear();
    kept_at_ = 0;
  }
}

void Wire::keep() {
  if (chunk_.empty()) return chunk_.reset();
  kept_.assign(chunk_.view());
  kept_at_ = 0;
  chunk_.reset();
}

Task<IoResult<void>> Wire::receive(Duration idle) {
  keep();
  auto chunk = co_await async::within(idle, recv(socket_));
  if (!chunk) co_return std::unexpected(chunk.error());
  if (kept_.empty())
    chunk_ = std::move(*chunk);
  else
    kept_.append(chunk->view());
  co_return IoResult<void>{};
}

Task<Wire::Head> Wire::head(http::HeadParser::Kind kind, http::HeadSpace& space, Duration first,
                            Duration rest) {
  http::HeadParser parser(kind);
  Head out;
  async::Loop& loop = socket_.loop();
  std::optional<Time> deadline;
  for (;;) {
    if (!here().empty()) {
      out.began = true;
      auto parsed = parser.parse(here(), space);
      if (!parsed) {
        out.outcome = Head::Outcome::refused;
        out.refusal = parsed.error();
        co_return out;
      }
      if (*parsed) {
        out.outcome = Head::Outcome::complete;
        out.view = **parsed;
        co_return out;
      }
      if (!deadline) deadline = loop.now() + rest;
    }
    const std::size_t before = here().size();
    const Duration wait =
        deadline ? std::max<Duration>(*deadline - loop.now(), Duration(0)) : first;
    if (auto more = co_await receive(wait); !more) {
      out.error = more.error();
      co_return out;
    }
    if (here().size() > before) continue;
    out.outcome = before == 0 ? Head::Outcome::closed : Head::Outcome::failed;
    out.error = IoError::end;
    co_return out;
  }
}

Task<RelayResult> relay_body(Wire& from, Wire& to, http::Framing framing, Relay how,
                             std::string prefix, Duration idle) {
  http::BodyParser parser(framing);
  RelayResult result;
  std::string out = std::move(prefix);
  while (!parser.done()) {
    if (from.here().empty()) {
      // What is here goes out before waiting for more.
      if (!out.empty()) {
        result.outcome = co_await async::within(idle, send(to.socket(), out));
        if (!result.outcome) co_return result;
        out.clear();
      }
      result.outcome = co_await from.receive(idle);
      result.from_failed = !result.outcome;
      if (!result.outcome) co_return result;
      if (from.here().empty()) {
        if (parser.may_end()) break;
        result.outcome = std::unexpected(IoError::end);
        result.from_failed = true;
        co_return result;
      }
    }
    while (!parser.done() && !from.here().empty() && out.size() < kSmall) {
      const auto step = parser.parse(from.here());
      if (!step) {
        result.outcome = std::unexpected(IoError::malformed);
        result.from_failed = true;
        co_return result;
      }
      out += how == Relay::as_it_is ? from.here().substr(0, step->consumed) : step->data;
      result.bytes += step->data.size();
      from.consume(step->consumed);
    }
    if (out.size() >= kSmall) {
      from.keep();
      result.outcome = co_await async::within(idle, send(to.socket(), out));
      if (!result.outcome) co_return result;
      out.clear();
    }
  }
  from.keep();
  if (!out.empty()) result.outcome = co_await async::within(idle, send(to.socket(), out));
  co_return result;
}

namespace {

Task<void> relay_one_way(Wire& from, Wire& to, Duration idle, async::TaskGroup& both) {
  for (;;) {
    if (from.here().empty()) {
      auto more = co_await from.receive(idle);
      if (!more) break;
      if (from.here().empty()) {
        ::shutdown(to.socket().native(), SHUT_WR);
        co_return;
      }
    }
    from.keep();
    if (!co_await async::within(idle, send(to.socket(), from.here()))) break;
    from.consume(from.here().size());
  }
  both.cancel();
}

}  // namespace

Task<void> relay_all(Wire& a, Wire& b, Duration idle) {
  async::TaskGroup both(co_await async::current_scope());
  both.spawn(relay_one_way(a, b, idle, both));
  both.spawn(relay_one_way(b, a, idle, both));
  co_await both.join();
}

}  // namespace nuri::router

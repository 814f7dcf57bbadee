#include "router/tls_carrier.h"

#include <sys/socket.h>

#include <array>
#include <utility>

namespace nuri::router {
namespace {

constexpr std::size_t kRecord = 16 << 10;  // of plain text at most (RFC 8446 section 5.1)
constexpr std::size_t kAtOnce = 4 * kRecord;

}  // namespace

Task<IoResult<void>> TlsCarrier::handshake() {
  const std::string received = std::exchange(early_, {});
  std::string_view in = received;
  async::Chunk chunk;
  for (;;) {
    const auto done = session_.handshake(in);
    // A client may send its request with the last of its handshake.
    early_.assign(in);
    chunk.reset();
    if (auto flushed = co_await flush(kNever); !flushed) co_return flushed;
    if (done) co_return IoResult<void>{};
    if (done.error() != net::TlsStop::wants_input) co_return std::unexpected(IoError::malformed);
    auto more = co_await socket_.recv();
    if (!more) co_return std::unexpected(more.error());
    if (more->empty()) co_return std::unexpected(IoError::end);
    chunk = std::move(*more);
    in = chunk.view();
  }
}

// What the session wants to say. One after the other, so that records stay in order.
Task<IoResult<void>> TlsCarrier::flush(Time until) {
  if (!session_.has_output()) co_return IoResult<void>{};
  const auto mine = co_await sending_.take();
  if (!mine) co_return std::unexpected(mine.error());
  if (broken_) co_return std::unexpected(IoError::reset);
  std::string output;
  session_.take_output(output);
  auto sent = co_await socket_.send(output).until(until);
  broken_ = !sent;
  co_return sent;
}

// False: the peer has finished.
IoResult<bool> TlsCarrier::decrypt(std::string_view& in, std::string& into) {
  std::array<char, kRecord> record;
  for (;;) {
    const auto n = session_.read(in, record);
    if (n) {
      into.append(record.data(), *n);
      continue;
    }
    if (n.error() == net::TlsStop::wants_input) return true;
    if (n.error() == net::TlsStop::end) return false;
    return std::unexpected(IoError::malformed);
  }
}

Task<IoResult<void>> TlsCarrier::receive(std::string& into, Duration limit) {
  const Time until = socket_.loop().by_turn(limit);
  const std::size_t before = into.size();
  async::Chunk chunk;
  std::string early = std::exchange(early_, {});
  std::string_view in = early;
  for (;;) {
    const auto goes_on = decrypt(in, into);
    chunk.reset();
    if (auto flushed = co_await flush(until); !flushed) co_return flushed;
    if (!goes_on) co_return std::unexpected(goes_on.error());
    if (!*goes_on || into.size() > before) co_return IoResult<void>{};
    auto more = co_await socket_.recv().until(until);
    if (!more) co_return std::unexpected(more.error());
    // Many peers close without a close_notify: HTTP's own framing tells what was cut short.
    if (more->empty()) co_return IoResult<void>{};
    chunk = std::move(*more);
    in = chunk.view();
  }
}

Task<IoResult<void>> TlsCarrier::send(std::string_view first, std::string_view second,
                                      std::size_t& sent, Duration limit) {
  const Time until = socket_.loop().by_turn(limit);
  std::size_t held = 0;
  for (std::string_view part : {first, second})
    while (!part.empty()) {
      const auto piece = part.substr(0, kAtOnce);
      if (!session_.write(piece)) co_return std::unexpected(IoError::malformed);
      part.remove_prefix(piece.size());
      held += piece.size();
      if (held < kAtOnce) continue;
      if (auto flushed = co_await flush(until); !flushed) co_return flushed;
      sent += std::exchange(held, 0);
    }
  auto flushed = co_await flush(until);
  if (flushed) sent += held;
  co_return flushed;
}

Task<IoResult<void>> TlsCarrier::takes_more(Duration limit) {
  const Time until = socket_.loop().by_turn(limit);
  const auto mine = co_await sending_.take();
  if (!mine) co_return std::unexpected(mine.error());
  co_return co_await socket_.writable().until(until);
}

void TlsCarrier::finish() {
  // After half a record nothing can be said, and a close_notify would tell that all was.
  if (!broken_) session_.shutdown();
  // Best effort: without it the peer sees the socket's end all the same.
  if (!broken_ && !sending_.taken() && session_.has_output()) {
    std::string output;
    session_.take_output(output);
    (void)::send(socket_.native(), output.data(), output.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  }
  ::shutdown(socket_.native(), SHUT_WR);
}

void TlsCarrier::break_off() {
  broken_ = true;
  const linger now{1, 0};
  ::setsockopt(socket_.native(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

bool TlsCarrier::bytes_wait() const {
  return !early_.empty() || socket_.look() == async::Descriptor::There::bytes;
}

void TlsCarrier::watch(async::Scope* scope) {
  watch_.reset();
  if (scope) watch_.emplace(socket_, *scope);
}

}  // namespace nuri::router

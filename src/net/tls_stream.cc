#include "net/tls_stream.h"

#include <array>

#include "base/limits.h"

namespace nuri::net {

IoError TlsStream::error_of_session() const {
  return session_.untrusted() ? IoError::untrusted : IoError::malformed;
}

Task<IoResult<void>> TlsStream::receive() {
  rest_.reset();
  auto chunk = co_await carrier_->recv();
  if (!chunk) co_return std::unexpected(chunk.error());
  if (chunk->empty()) co_return std::unexpected(IoError::end);
  rest_ = std::move(*chunk);
  co_return IoResult<void>{};
}

Task<IoResult<void>> TlsStream::handshake() {
  for (;;) {
    std::string_view in = rest_.view();
    const auto done = session_.handshake(in);
    rest_.consume(rest_.size() - in.size());
    const auto sent = co_await flush();  // also the alert that says why not
    if (!done && done.error() == TlsStop::failed) co_return std::unexpected(error_of_session());
    if (!sent) co_return std::unexpected(sent.error());
    if (done) break;
    if (auto more = co_await receive(); !more) co_return more;
  }
  // Nobody may read for a while: the loop gets its buffer back.
  rest_ = rest_.empty() ? async::Chunk() : async::Chunk::copy_of(rest_.view());
  co_return IoResult<void>{};
}

std::expected<async::Chunk, TlsStop> TlsStream::decrypt() {
  std::array<char, limits::kTlsRecordBytes> space;
  std::string_view in = rest_.view();
  const auto n = session_.read(in, space);
  rest_.consume(rest_.size() - in.size());
  if (n) return async::Chunk::copy_of({space.data(), *n});
  if (n.error() == TlsStop::wants_input) return async::Chunk();
  return std::unexpected(n.error());
}

Task<IoResult<async::Chunk>> TlsStream::recv() {
  for (;;) {
    auto text = decrypt();
    // What another task sends takes this along.
    if (session_.has_output() && !sending_) {
      const auto sent = co_await flush();
      if (!sent && text && text->empty()) co_return std::unexpected(sent.error());
    }
    if (!text && text.error() == TlsStop::end) co_return async::Chunk();
    if (!text) co_return std::unexpected(error_of_session());
    if (!text->empty()) {
      if (rest_.lent()) rest_ = async::Chunk::copy_of(rest_.view());
      co_return std::move(*text);
    }
    if (auto more = co_await receive(); !more) co_return std::unexpected(more.error());
  }
}

Task<IoResult<void>> TlsStream::flush() {
  while (sending_ || session_.has_output()) {
    if (broken_) co_return std::unexpected(IoError::reset);
    if (sending_) {
      if (auto waited = co_await sent_.wait(); !waited) co_return waited;
      continue;
    }
    std::string out;
    session_.take_output(out);
    sending_ = broken_ = true;
    const auto sent = co_await carrier_->send(out);
    sending_ = false;
    broken_ = !sent;
    sent_.pulse();
    if (!sent) co_return sent;
  }
  co_return IoResult<void>{};
}

Task<IoResult<void>> TlsStream::send(std::string_view bytes) {
  while (!bytes.empty()) {
    if (broken_ && !sending_) co_return std::unexpected(IoError::reset);
    if (!session_.established()) co_return std::unexpected(error_of_session());
    const std::string_view piece = bytes.substr(0, limits::kWriteBytes);
    if (!session_.write(piece)) co_return std::unexpected(error_of_session());
    if (auto sent = co_await flush(); !sent) co_return sent;
    bytes.remove_prefix(piece.size());
  }
  co_return IoResult<void>{};
}

Task<IoResult<void>> TlsStream::send(std::span<iovec> parts) {
  std::string all;
  for (const iovec& part : parts) all.append(static_cast<const char*>(part.iov_base), part.iov_len);
  co_return co_await send(std::string_view(all));
}

Task<IoResult<void>> TlsStream::finish() {
  session_.shutdown();
  co_return co_await flush();
}

bool TlsStream::quiet() const {
  return rest_.empty() && session_.between_records() && carrier_->quiet();
}

}  // namespace nuri::net

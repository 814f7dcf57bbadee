#pragma once

// What a connection received and nobody has consumed yet, and the content of a message read from
// it. While it waits for more it holds no buffer.

#include "async/chunk.h"
#include "async/deadline.h"
#include "http/body_parser.h"
#include "net/stream.h"

namespace nuri::http {

class Input {
 public:
  explicit Input(net::Stream& stream) : stream_(stream) {}

  bool empty() const { return chunk_.empty(); }
  std::string_view view() const { return chunk_.view(); }
  void consume(std::size_t n) {
    chunk_.consume(n);
    if (chunk_.empty()) chunk_.reset();
  }
  // Gives up all of it; put() takes back what was too much.
  async::Chunk take() { return std::exchange(chunk_, {}); }
  void put(async::Chunk chunk) { chunk_ = std::move(chunk); }
  // Moves what is here out of the loop's buffer, before waiting for anything but the peer.
  void keep() {
    if (chunk_.lent() && !chunk_.empty()) chunk_ = async::Chunk::copy_of(chunk_.view());
    if (chunk_.empty()) chunk_.reset();
  }
  // The next bytes; still empty() afterwards: the peer has finished. Only when empty().
  Task<IoResult<void>> receive();

 private:
  net::Stream& stream_;
  async::Chunk chunk_;
};

// The content of one message. Each wait for the peer has the deadline `idle`.
class FramedBody {
 public:
  FramedBody(Input& input, Framing framing, Duration idle)
      : input_(input), framing_(framing), parser_(framing), idle_(idle) {}

  // As Body::read(). An error stays: the connection is of no more use.
  Task<IoResult<async::Chunk>> read();
  std::optional<std::uint64_t> length() const;
  // All of it was read.
  bool done() const { return ended_ || parser_.done(); }
  bool failed() const { return error_.has_value(); }
  std::optional<std::uint64_t> left() const { return parser_.left(); }

 private:
  IoResult<async::Chunk> take_out(async::Chunk chunk);
  std::unexpected<IoError> fail(IoError error) {
    error_ = error;
    return std::unexpected(error);
  }

  Input& input_;
  Framing framing_;
  BodyParser parser_;
  Duration idle_;
  bool ended_ = false;
  std::optional<IoError> error_;
};

}  // namespace nuri::http

#pragma once

// One side of a proxied connection: a socket, and what was received from it and not yet passed on.
// While it waits for the peer it holds no buffer of the loop; while it waits to send it holds none
// either.

#include <string>
#include <string_view>

#include "async/deadline.h"
#include "async/descriptor.h"
#include "http/body_parser.h"
#include "http/parser.h"

namespace nuri::router {

class Wire {
 public:
  explicit Wire(async::Descriptor socket) : socket_(std::move(socket)) {}

  async::Descriptor& socket() { return socket_; }
  async::Descriptor take_socket() { return std::move(socket_); }

  struct Head {
    enum class Outcome { complete, closed, refused, failed } outcome = Outcome::failed;
    http::HeadView view;    // complete; good until consume()
    http::Refusal refusal;  // refused
    IoError error{};        // failed
    bool began = false;     // bytes came
  };
  // The next message's head. `first`: how long to wait for its first byte, `rest`: for all of it
  // after that. closed: the peer finished between messages.
  Task<Head> head(http::HeadParser::Kind kind, http::HeadSpace& space, Duration first,
                  Duration rest);

  // Received and not consumed.
  std::string_view here() const {
    return kept_.empty() ? chunk_.view() : std::string_view(kept_).substr(kept_at_);
  }
  void consume(std::size_t n);
  // More into here(); 0 bytes more: the peer finished.
  Task<IoResult<void>> receive(Duration idle);
  // Gives the loop its buffer back, keeping the bytes.
  void keep();

 private:
  async::Descriptor socket_;
  async::Chunk chunk_;
  std::string kept_;  // instead of chunk_, when not empty
  std::size_t kept_at_ = 0;
};

// How a body goes on.
enum class Relay {
  as_it_is,   // framing and all
  data_only,  // the content without chunk framing
};

// Passes one body on from `from` to `to`, after `prefix` (sent with the first bytes, or alone).
// `bytes` counts content sent. An error says on which side: from_failed, else `to`.
struct RelayResult {
  IoResult<void> outcome;
  bool from_failed = false;
  std::uint64_t bytes = 0;
};
Task<RelayResult> relay_body(Wire& from, Wire& to, http::Framing framing, Relay how,
                             std::string prefix, Duration idle);

// Passes everything on, both ways, until both have finished or one broke (upgraded connections).
Task<void> relay_all(Wire& a, Wire& b, Duration idle);

}  // namespace nuri::router

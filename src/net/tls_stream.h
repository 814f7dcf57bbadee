#pragma once

// TlsStream: TLS over another stream, for everything but the router, which moves the bytes itself.
//
//   auto stream = std::make_unique<TlsStream>(std::move(socket), client.connect("example.com"));
//   if (auto done = co_await async::within(10s, stream->handshake()); !done) …
//
// Errors besides the carrier's: untrusted (the peer's certificate), malformed (the peer broke the
// protocol, or refuses: see session().failure()), end (the carrier ended before the peer said that
// nothing more comes: what was received may be cut short).

#include "async/event.h"
#include "net/stream.h"
#include "net/tls_session.h"

namespace nuri::net {

class TlsStream final : public Stream {
 public:
  TlsStream(std::unique_ptr<Stream> carrier, TlsSession session)
      : carrier_(std::move(carrier)), session_(std::move(session)) {}

  // Before anything else, once.
  Task<IoResult<void>> handshake();
  const TlsSession& session() const { return session_; }

  Task<IoResult<async::Chunk>> recv() override;
  Task<IoResult<void>> send(std::string_view bytes) override;
  Task<IoResult<void>> send(std::span<iovec> parts) override;
  // The close_notify goes out with the next recv(): who shuts down reads on until the end. Who does
  // not read on, or has a recv() waiting, calls finish().
  void shutdown_send() override { session_.shutdown(); }
  // Tells the peer that nothing more comes and waits until that is sent. A stream that is destroyed
  // without it looks cut off to the peer.
  Task<IoResult<void>> finish();
  bool quiet() const override;
  Address peer() const override { return carrier_->peer(); }

 private:
  // All output so far, in order; also that of others.
  Task<IoResult<void>> flush();
  // More of the carrier's bytes into rest_; IoError::end if there are none.
  Task<IoResult<void>> receive();
  // Text out of rest_; an empty chunk if it takes more bytes.
  std::expected<async::Chunk, TlsStop> decrypt();
  IoError error_of_session() const;

  std::unique_ptr<Stream> carrier_;
  TlsSession session_;
  async::Chunk rest_;  // received, not consumed
  bool sending_ = false;
  bool broken_ = false;  // a part of the output may be gone
  async::Event sent_;
};

}  // namespace nuri::net

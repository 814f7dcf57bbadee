#pragma once

// Stream: bytes both ways, whatever carries them (a socket, TLS, memory). One task may receive
// while another sends. Results are values. Destroying a stream gives it up at once, without
// waiting.

#include <sys/uio.h>

#include <memory>
#include <span>
#include <string_view>

#include "async/descriptor.h"
#include "async/task.h"
#include "net/address.h"

namespace nuri::net {

class Stream {
 public:
  virtual ~Stream() = default;
  // The next bytes; an empty chunk is the end. Give the chunk back before the next call.
  virtual Task<IoResult<async::Chunk>> recv() = 0;
  // All of `bytes`, which live until the result.
  virtual Task<IoResult<void>> send(std::string_view bytes) = 0;
  // All of them in one write where the carrier can; the iovecs are changed.
  virtual Task<IoResult<void>> send(std::span<iovec> parts) = 0;
  // Tells the peer that nothing more comes. Never waits.
  virtual void shutdown_send() = 0;
  // True if nothing is waiting to be received, neither bytes nor the end: a kept connection that is
  // not quiet cannot be used for another request. Never waits.
  virtual bool quiet() const = 0;
  // Empty if the carrier has none.
  virtual Address peer() const = 0;
};

// A connected stream socket. Its awaitables are also there without a virtual call, for the router.
class SocketStream final : public Stream {
 public:
  // Sets TCP_NODELAY where it applies.
  SocketStream(async::Loop& loop, Fd socket);
  Task<IoResult<async::Chunk>> recv() override;
  Task<IoResult<void>> send(std::string_view bytes) override;
  Task<IoResult<void>> send(std::span<iovec> parts) override;
  void shutdown_send() override;
  bool quiet() const override;
  Address peer() const override;
  async::Descriptor& descriptor() { return descriptor_; }

 private:
  async::Descriptor descriptor_;
};

// Connects; IoError::timed_out comes from the caller's deadline (async::within).
Task<IoResult<std::unique_ptr<SocketStream>>> connect(async::Loop& loop, Address to);

}  // namespace nuri::net

#include "net/stream.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

namespace nuri::net {

SocketStream::SocketStream(async::Loop& loop, Fd socket) : descriptor_(loop, std::move(socket)) {
  const int one = 1;
  ::setsockopt(descriptor_.native(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

Task<IoResult<async::Chunk>> SocketStream::recv() { co_return co_await descriptor_.recv(); }
Task<IoResult<void>> SocketStream::send(std::string_view bytes) {
  co_return co_await descriptor_.send(bytes);
}
Task<IoResult<void>> SocketStream::send(std::span<iovec> parts) {
  co_return co_await descriptor_.send(parts);
}
void SocketStream::shutdown_send() { ::shutdown(descriptor_.native(), SHUT_WR); }

bool SocketStream::quiet() const { return descriptor_.look() == async::Descriptor::There::nothing; }

Address SocketStream::peer() const {
  sockaddr_storage storage{};
  socklen_t bytes = sizeof storage;
  if (::getpeername(descriptor_.native(), reinterpret_cast<sockaddr*>(&storage), &bytes) != 0)
    return {};
  return Address::from(reinterpret_cast<const sockaddr*>(&storage), bytes);
}

Task<IoResult<std::unique_ptr<SocketStream>>> connect(async::Loop& loop, Address to) {
  Fd socket(::socket(to.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) co_return std::unexpected(io_error_of(errno));
  auto stream = std::make_unique<SocketStream>(loop, std::move(socket));
  if (auto done = co_await stream->descriptor().connect(to.raw(), to.bytes()); !done)
    co_return std::unexpected(done.error());
  co_return std::move(stream);
}

}  // namespace nuri::net

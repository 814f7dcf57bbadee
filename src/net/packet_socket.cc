#include "net/packet_socket.h"

#include <errno.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include "base/error.h"
#include "net/address.h"

namespace nuri::net {

Task<IoResult<PacketSocket>> PacketSocket::connect(async::Loop& loop, std::string path) {
  const auto address = Address::parse("unix:" + path);
  if (!address) co_return std::unexpected(IoError::too_large);
  Fd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) co_return std::unexpected(io_error_of(errno));
  PacketSocket out(loop, std::move(socket));
  if (auto done = co_await out.descriptor_.connect(address->raw(), address->bytes()); !done)
    co_return std::unexpected(done.error());
  co_return std::move(out);
}

Task<IoResult<PacketSocket::Packet>> PacketSocket::receive(std::size_t limit_bytes) {
  Packet packet;
  packet.text.resize(limit_bytes);
  auto got = co_await descriptor_.recv_packet(packet.text);
  if (!got) co_return std::unexpected(got.error());
  packet.text.resize(got->bytes);
  packet.fds = std::move(got->fds);
  co_return std::move(packet);
}

Task<IoResult<void>> PacketSocket::send(std::string text, std::vector<int> fds) {
  co_return co_await descriptor_.send_packet(text, fds);
}

PeerCredentials PacketSocket::peer() const {
  ucred credentials{};
  socklen_t bytes = sizeof credentials;
  if (::getsockopt(descriptor_.native(), SOL_SOCKET, SO_PEERCRED, &credentials, &bytes) != 0)
    return {};
  return {credentials.pid, credentials.uid, credentials.gid};
}

Fd listen_packets(const std::string& path, mode_t mode) {
  const auto address = Address::parse("unix:" + path);
  if (!address)
    throw Error(Code::bad_request,
                fmt::format("the socket path {} is too long for the kernel", path));
  Fd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) throw system_error("make a packet socket", errno);
  ::unlink(path.c_str());
  if (::bind(socket.get(), address->raw(), address->bytes()) != 0 ||
      ::chmod(path.c_str(), mode) != 0 || ::listen(socket.get(), 128) != 0)
    throw system_error(fmt::format("listen on {}", path), errno);
  return socket;
}

}  // namespace nuri::net

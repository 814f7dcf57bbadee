#include "engine/local/shim_client.h"

#include "base/limits.h"
#include "net/packet_socket.h"

namespace nuri::engine::local {
namespace {

Task<IoResult<ShimAnswer>> exchange(net::PacketSocket& socket, const door::Request& request) {
  if (auto sent = co_await socket.send(door::encode(request)); !sent)
    co_return std::unexpected(sent.error());
  for (;;) {
    auto packet = co_await socket.receive(limits::kDoorPacketBytes);
    if (!packet) co_return std::unexpected(packet.error());
    if (packet->end()) co_return std::unexpected(IoError::end);
    auto reply = door::parse_reply(packet->text);
    if (!reply) co_return std::unexpected(IoError::malformed);
    // An Exit may be pushed in between; it is not the answer.
    if (reply->id != request.id) continue;
    co_return ShimAnswer{std::move(*reply), std::move(packet->fds)};
  }
}

}  // namespace

Task<IoResult<ShimAnswer>> ask_shim(async::Loop& loop, std::string dir, door::Request request) {
  auto socket = co_await net::PacketSocket::connect(loop, dir + "/ctl.sock");
  if (!socket) co_return std::unexpected(socket.error());
  door::Request hello;
  hello.id = 1;
  auto greeted = co_await exchange(*socket, hello);
  if (!greeted) co_return greeted;
  if (!std::holds_alternative<door::Welcome>(greeted->reply.body))
    co_return std::unexpected(IoError::malformed);
  request.id = 2;
  co_return co_await exchange(*socket, request);
}

}  // namespace nuri::engine::local

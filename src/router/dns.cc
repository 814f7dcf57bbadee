#include "router/dns.h"

#include <errno.h>
#include <netinet/in.h>

#include <array>
#include <fstream>
#include <optional>
#include <sstream>
#include <vector>

#include "async/deadline.h"
#include "async/descriptor.h"
#include "async/task_group.h"
#include "base/log.h"
#include "net/address.h"
#include "net/stream.h"

namespace nuri::router {
namespace {

constexpr std::size_t kDatagram = 4096;  // larger than any resolver sends unasked (RFC 6891)
constexpr std::size_t kHeader = 12;      // RFC 1035 section 4.1.1
constexpr std::size_t kAtOnce = 256;     // questions under way; more are dropped, and asked again
constexpr std::size_t kStreams = 64;
constexpr std::size_t kResolvers = 3;  // resolv.conf(5), MAXNS
constexpr Duration kPatience = 4s;
constexpr Duration kStreamIdle = 30s;

// "192.0.2.1", "2001:db8::1", "[192.0.2.1]:5353", "[2001:db8::1]:5353".
std::optional<net::Address> resolver_of(std::string text) {
  if (!text.starts_with('['))
    text = text.find(':') == text.npos ? text + ":53" : "[" + text + "]:53";
  else if (const auto close = text.find(']');
           text.find(':') > close && close != text.npos)  // IPv4 in brackets
    text = text.substr(1, close - 1) + text.substr(close + 1);
  return net::Address::parse(text);
}

// Read each time: resolv.conf changes when a laptop moves.
std::vector<net::Address> resolvers(const std::string& resolv_conf) {
  std::vector<net::Address> out;
  std::ifstream file(resolv_conf);
  for (std::string line; out.size() < kResolvers && std::getline(file, line);) {
    std::istringstream words(line);
    std::string word, address;
    if (!(words >> word >> address) || word != "nameserver") continue;
    if (auto parsed = resolver_of(address)) out.push_back(*parsed);
  }
  return out;
}

// The question with "server failure" as its answer (RFC 1035 section 4.1.1: QR, RCODE 2).
std::string failure_for(std::string_view question) {
  std::string out(question);
  out[2] = static_cast<char>(out[2] | 0x80);
  out[3] = static_cast<char>((out[3] & 0x70) | 0x82);
  return out;
}

Task<IoResult<std::string>> ask_by_datagram(async::Loop& loop, net::Address resolver,
                                            const std::string& question) {
  Fd fd(::socket(resolver.family(), SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) co_return std::unexpected(io_error_of(errno));
  async::Descriptor socket(loop, std::move(fd));
  if (auto done = co_await socket.connect(resolver.raw(), resolver.bytes()); !done)
    co_return std::unexpected(done.error());
  if (auto sent = co_await socket.send_packet(question); !sent)
    co_return std::unexpected(sent.error());
  std::string answer(kDatagram, '\0');
  for (;;) {
    auto packet = co_await socket.recv_packet(answer);
    if (!packet) co_return std::unexpected(packet.error());
    // The kernel lets only the resolver's own datagrams through; the id ties it to the question.
    if (packet->bytes < kHeader || answer.compare(0, 2, question, 0, 2) != 0) continue;
    answer.resize(packet->bytes);
    co_return answer;
  }
}

Task<IoResult<std::string>> read_exactly(net::Stream& stream, std::string& buffer, std::size_t n) {
  while (buffer.size() < n) {
    auto chunk = co_await stream.recv();
    if (!chunk) co_return std::unexpected(chunk.error());
    if (chunk->empty()) co_return std::unexpected(IoError::end);
    buffer += chunk->view();
  }
  std::string out = buffer.substr(0, n);
  buffer.erase(0, n);
  co_return out;
}

// Two bytes of length, then the message (RFC 1035 section 4.2.2).
Task<IoResult<std::string>> read_message(net::Stream& stream, std::string& buffer) {
  auto head = co_await read_exactly(stream, buffer, 2);
  if (!head) co_return head;
  const std::size_t size = static_cast<std::size_t>(static_cast<unsigned char>((*head)[0])) << 8 |
                           static_cast<unsigned char>((*head)[1]);
  if (size < kHeader) co_return std::unexpected(IoError::malformed);
  co_return co_await read_exactly(stream, buffer, size);
}

Task<IoResult<void>> write_message(net::Stream& stream, std::string message) {
  message.insert(0,
                 {static_cast<char>(message.size() >> 8), static_cast<char>(message.size() & 255)});
  co_return co_await stream.send(message);
}

Task<IoResult<std::string>> ask_by_stream(async::Loop& loop, net::Address resolver,
                                          const std::string& question) {
  auto stream = co_await net::connect(loop, resolver);
  if (!stream) co_return std::unexpected(stream.error());
  if (auto sent = co_await write_message(**stream, question); !sent)
    co_return std::unexpected(sent.error());
  std::string buffer;
  co_return co_await read_message(**stream, buffer);
}

using Way = Task<IoResult<std::string>> (*)(async::Loop&, net::Address, const std::string&);

Task<std::string> resolve(async::Loop& loop, const std::string& resolv_conf, std::string question,
                          Way way) {
  for (const net::Address& resolver : resolvers(resolv_conf)) {
    auto answer = co_await async::within(kPatience, way(loop, resolver, question));
    if (answer) co_return std::move(*answer);
  }
  co_return failure_for(question);
}

Task<void> answer_datagram(async::Loop& loop, int socket, const std::string& resolv_conf,
                           net::Address client, std::string question) {
  const std::string answer =
      co_await resolve(loop, resolv_conf, std::move(question), ask_by_datagram);
  // A full buffer drops it, as the network might: the client asks again.
  ::sendto(socket, answer.data(), answer.size(), MSG_DONTWAIT | MSG_NOSIGNAL, client.raw(),
           client.bytes());
}

Task<IoResult<void>> converse(async::Loop& loop, const std::string& resolv_conf,
                              net::Stream& stream) {
  std::string buffer;
  for (;;) {
    auto question = co_await async::within(kStreamIdle, read_message(stream, buffer));
    if (!question) co_return std::unexpected(question.error());
    std::string answer = co_await resolve(loop, resolv_conf, std::move(*question), ask_by_stream);
    if (auto sent = co_await async::within(kStreamIdle, write_message(stream, std::move(answer)));
        !sent)
      co_return sent;
  }
}

Task<void> serve_stream(async::Loop& loop, const std::string& resolv_conf, Fd client) {
  net::SocketStream stream(loop, std::move(client));
  (void)co_await converse(loop, resolv_conf, stream);
}

}  // namespace

Task<void> serve_dns_datagrams(async::Loop& loop, Fd fd, std::string resolv_conf) {
  async::Descriptor socket(loop, std::move(fd));
  async::TaskGroup group(co_await async::current_scope());
  std::array<char, kDatagram> space;
  while (co_await socket.readable()) {
    sockaddr_storage from{};
    socklen_t bytes = sizeof from;
    const ssize_t n = ::recvfrom(socket.native(), space.data(), space.size(), MSG_DONTWAIT,
                                 reinterpret_cast<sockaddr*>(&from), &bytes);
    if (n < static_cast<ssize_t>(kHeader) || group.size() >= kAtOnce) continue;
    group.spawn(answer_datagram(loop, socket.native(), resolv_conf,
                                net::Address::from(reinterpret_cast<const sockaddr*>(&from), bytes),
                                std::string(space.data(), static_cast<std::size_t>(n))));
  }
  group.cancel();
  co_await group.join();
}

Task<void> serve_dns_streams(async::Loop& loop, Fd fd, std::string resolv_conf) {
  async::Descriptor listener(loop, std::move(fd));
  async::TaskGroup group(co_await async::current_scope());
  for (;;) {
    auto client = co_await listener.accept();
    if (!client && client.error() == IoError::cancelled) break;
    if (client && group.size() < kStreams)
      group.spawn(serve_stream(loop, resolv_conf, std::move(*client)));
    if (!client && !co_await async::sleep(50ms)) break;
  }
  group.cancel();
  co_await group.join();
}

}  // namespace nuri::router

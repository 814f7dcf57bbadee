// WebSocket messages (RFC 6455), echoed:
//
//   websocket echo PORT                                  the upstream; until it is killed
//   websocket load PORT HOST CONNECTIONS SECONDS         one message in flight a connection
//
// Every message is one text frame of 100 bytes; what comes back is compared. The handshake uses the
// key of the RFC's section 1.3 each time, so that its answer is known.

#include <sys/epoll.h>

#include "loopback.h"

namespace {

using bench::Nanoseconds;

constexpr std::string_view kKey = "dGhlIHNhbXBsZSBub25jZQ==";
constexpr std::string_view kAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
constexpr std::size_t kPayload = 100;
constexpr std::size_t kToServer = 2 + 4 + kPayload;  // head, mask, payload
constexpr std::size_t kToClient = 2 + kPayload;
constexpr char kText = '\x81';  // final frame, text
constexpr unsigned char kMask[4] = {0x37, 0xfa, 0x21, 0x3d};

std::string masked(std::string_view payload) {
  std::string text(payload);
  for (std::size_t i = 0; i < text.size(); ++i)
    text[i] = static_cast<char>(text[i] ^ static_cast<char>(kMask[i % 4]));
  return text;
}

std::string frame_to_server(std::string_view payload) {
  std::string frame{kText, static_cast<char>(0x80 | kPayload)};
  frame.append(reinterpret_cast<const char*>(kMask), sizeof kMask);
  return frame + masked(payload);
}

std::string frame_to_client(std::string_view payload) {
  return std::string{kText, static_cast<char>(kPayload)} + std::string(payload);
}

struct Connection {
  int fd = -1;
  bool upgraded = false;
  Nanoseconds sent = 0;
  std::string received;
};

void watch(int epoll, int fd, void* what) {
  epoll_event event{.events = EPOLLIN, .data = {.ptr = what}};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) bench::fail_errno("epoll_ctl");
}

int await(int epoll, epoll_event (&events)[256]) {
  const int count = epoll_wait(epoll, events, 256, 1000);
  if (count < 0 && errno != EINTR) bench::fail_errno("epoll_wait");
  return std::max(count, 0);
}

// False: the connection is over.
bool echo(Connection& one) {
  char buffer[16384];
  const ssize_t got = recv(one.fd, buffer, sizeof buffer, 0);
  if (got <= 0) return false;
  one.received.append(buffer, static_cast<std::size_t>(got));
  if (!one.upgraded) {
    const auto end = one.received.find("\r\n\r\n");
    if (end == std::string::npos) return true;
    if (one.received.find(kKey) == std::string::npos) return false;
    if (!bench::sent(one.fd,
                     "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                     "Connection: Upgrade\r\nSec-WebSocket-Accept: " +
                         std::string(kAccept) + "\r\n\r\n"))
      return false;
    one.received.erase(0, end + 4);
    one.upgraded = true;
  }
  for (; one.received.size() >= kToServer; one.received.erase(0, kToServer))
    if (!bench::sent(one.fd, frame_to_client(masked(one.received.substr(6, kPayload)))))
      return false;
  return true;
}

[[noreturn]] void serve(int port) {
  const int listener = bench::listening(port);
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  watch(epoll, listener, nullptr);
  for (;;) {
    epoll_event events[256];
    for (int i = 0, count = await(epoll, events); i < count; ++i) {
      auto* one = static_cast<Connection*>(events[i].data.ptr);
      if (one == nullptr) {
        one = new Connection;
        one->fd = bench::accepted(listener);
        watch(epoll, one->fd, one);
      } else if (!echo(*one)) {
        close(one->fd);
        delete one;
      }
    }
  }
}

void upgrade(Connection& one, const std::string& host) {
  bench::send_whole(one.fd, "GET / HTTP/1.1\r\nHost: " + host +
                                "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " +
                                std::string(kKey) + "\r\n\r\n");
  while (!one.received.ends_with("\r\n\r\n")) bench::receive_some(one.fd, one.received);
  if (!one.received.starts_with("HTTP/1.1 101") || one.received.find(kAccept) == std::string::npos)
    bench::fail("not upgraded: " + one.received);
  one.received.clear();
}

void load(int port, const std::string& host, std::size_t connections, Nanoseconds lasts) {
  const std::string payload(kPayload, 'n');
  const std::string ping = frame_to_server(payload);
  const std::string pong = frame_to_client(payload);
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  std::vector<Connection> all(connections);
  std::vector<Nanoseconds> latencies;
  const Nanoseconds began = bench::now();
  for (auto& one : all) {
    one.fd = bench::connected(port);
    upgrade(one, host);
    watch(epoll, one.fd, &one);
    one.sent = bench::now();
    bench::send_whole(one.fd, ping);
  }
  while (bench::now() < began + lasts) {
    epoll_event events[256];
    for (int i = 0, count = await(epoll, events); i < count; ++i) {
      auto& one = *static_cast<Connection*>(events[i].data.ptr);
      bench::receive_some(one.fd, one.received);
      if (one.received.size() < kToClient) continue;
      if (one.received != pong) bench::fail("not what was sent came back");
      one.received.clear();
      latencies.push_back(bench::now() - one.sent);
      one.sent = bench::now();
      bench::send_whole(one.fd, ping);
    }
  }
  bench::print_result(latencies, bench::now() - began);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view verb = argc > 1 ? argv[1] : "";
  if (verb == "echo" && argc == 3) serve(std::atoi(argv[2]));
  if (verb != "load" || argc != 6)
    bench::fail("usage: websocket echo PORT | websocket load PORT HOST CONNECTIONS SECONDS");
  load(std::atoi(argv[2]), argv[3], std::strtoul(argv[4], nullptr, 10),
       static_cast<Nanoseconds>(std::atof(argv[5]) * 1e9));
}

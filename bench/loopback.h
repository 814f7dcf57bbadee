#pragma once
// What the load programs of bench/ share: sockets of 127.0.0.1, a clock, latencies. Any failure
// ends the program with a message: a number that was measured beside an error is worth nothing.

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <string_view>
#include <vector>

namespace bench {

using Nanoseconds = std::int64_t;
constexpr Nanoseconds kSecond = 1'000'000'000;

[[noreturn]] inline void fail(const std::string& what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  std::exit(1);
}

[[noreturn]] inline void fail_errno(const std::string& what) {
  fail(what + ": " + std::strerror(errno));
}

inline Nanoseconds now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * kSecond + time.tv_nsec;
}

inline sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

inline int without_delay(int fd) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

// Blocking sockets, connections without Nagle's delay.
inline int connected(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(port);
  if (fd < 0 || connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    fail_errno("connecting to port " + std::to_string(port));
  return without_delay(fd);
}

inline int listening(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const sockaddr_in address = loopback(port);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      listen(fd, 1024) != 0)
    fail_errno("listening on port " + std::to_string(port));
  return fd;
}

inline int accepted(int listener) {
  const int fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
  if (fd < 0) fail_errno("accepting");
  return without_delay(fd);
}

// The texts and frames sent here are far smaller than a socket's buffer.
inline bool sent(int fd, std::string_view text) {
  return send(fd, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
}

inline void send_whole(int fd, std::string_view text) {
  if (!sent(fd, text)) fail_errno("sending");
}

// Appends what has come. Blocks where the socket does, unless flags say otherwise.
inline void receive_some(int fd, std::string& into, int flags = 0) {
  char buffer[16384];
  const ssize_t got = recv(fd, buffer, sizeof buffer, flags);
  if (got == 0) fail("the proxy closed a connection");
  if (got < 0 && errno != EAGAIN) fail_errno("receiving");
  if (got > 0) into.append(buffer, static_cast<std::size_t>(got));
}

// One JSON line: requests and latencies in milliseconds.
inline void print_result(std::vector<Nanoseconds>& latencies, Nanoseconds took) {
  if (latencies.empty()) fail("not one answer");
  std::ranges::sort(latencies);
  const auto at = [&](double share) {
    const auto last = static_cast<double>(latencies.size() - 1);
    return static_cast<double>(latencies[static_cast<std::size_t>(share * last)]) / 1e6;
  };
  std::printf(R"({"requests": %zu, "seconds": %.6f, "p50": %.4f, "p99": %.4f, "p999": %.4f})"
              "\n",
              latencies.size(), static_cast<double>(took) / 1e9, at(0.5), at(0.99), at(0.999));
}

}  // namespace bench

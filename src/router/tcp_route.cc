#include "router/tcp_route.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <charconv>

#include "async/deadline.h"
#include "base/limits.h"

namespace nuri::router {
namespace {

constexpr std::uint16_t kFirstPort = 1024;
constexpr std::size_t kMostAttempts = 3;

struct Connection {
  explicit Connection(std::shared_ptr<RouteCounters> of) : counters(std::move(of)) {
    ++counters->in_flight;
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() { --counters->in_flight; }
  void answered(int status_class) {
    ++counters->answers[static_cast<std::size_t>(status_class - 1)];
  }
  std::shared_ptr<RouteCounters> counters;
};

}  // namespace

std::optional<std::uint16_t> tcp_port_of(std::string_view host) {
  if (!host.starts_with(':') || host.size() < 2 || host[1] == '0') return std::nullopt;
  std::uint16_t port = 0;
  const char* last = host.data() + host.size();
  const auto [end, error] = std::from_chars(host.data() + 1, last, port);
  if (error != std::errc() || end != last || port < kFirstPort) return std::nullopt;
  return port;
}

std::string tcp_host_of(std::uint16_t port) { return fmt::format(":{}", port); }

Task<void> relay_tcp(Ground& ground, Fd fd, std::string host) {
  const int one = 1;
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  Wire client(ground.loop, {async::Descriptor(ground.loop, std::move(fd))});
  std::optional<Connection> counted;
  Tried tried;
  for (std::size_t attempts = 0; attempts < kMostAttempts;) {
    const auto route = ground.table.find(host, {});
    if (!route) break;
    if (!counted) counted.emplace(route->counters);
    const auto upstream = route->pick(tried, ground.loop.now());
    if (!upstream) break;
    if (!tried.empty()) ++counted->counters->retries;
    tried.push_back(upstream);
    const Upstream::InFlight in_flight(*upstream);
    auto line = co_await async::within(ground.deadlines.connect, upstream->connect());
    if (!line) {
      if (line.error() == IoError::cancelled) co_return;
      upstream->failed(ground.loop.now());
      if (!upstream->gone()) ++attempts;
      continue;
    }
    upstream->succeeded();
    Wire server(ground.loop, std::move(*line));
    const auto bytes = co_await relay_all(client, server, ground.passage, limits::kTcpIdleDeadline);
    counted->answered(1);
    counted->counters->received_bytes += bytes.from_a;
    counted->counters->sent_bytes += bytes.from_b;
    co_return;
  }
  if (counted) {
    counted->answered(5);
    ++counted->counters->own_errors;
  }
  client.break_off();
}

}  // namespace nuri::router

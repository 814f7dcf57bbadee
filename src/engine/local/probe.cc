#include "engine/local/probe.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "async/deadline.h"
#include "engine/local/shim_client.h"
#include "net/stream.h"

namespace nuri::engine::local {
namespace {

std::string not_listening(int port, const std::vector<std::uint16_t>& ports) {
  if (ports.empty())
    return fmt::format("nothing listens on port {} (from $PORT), nor on any other", port);
  return fmt::format("nothing listens on port {} (from $PORT); the app listens on {}", port,
                     fmt::join(ports, ", "));
}

// RFC 9112 section 4: HTTP-version SP status-code. 0 if it is not that.
int status_of(std::string_view head) {
  if (head.size() < 12 || !head.starts_with("HTTP/1.") || head[8] != ' ') return 0;
  int status = 0;
  for (char c : head.substr(9, 3)) {
    if (c < '0' || c > '9') return 0;
    status = status * 10 + (c - '0');
  }
  return status;
}

Task<IoResult<int>> get(net::SocketStream& stream, std::string path) {
  const std::string request = fmt::format(
      "GET {} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: nuri-health\r\nConnection: close\r\n\r\n",
      path);
  if (auto sent = co_await stream.send(request); !sent) co_return std::unexpected(sent.error());
  std::string head;
  while (head.size() < 12) {
    auto chunk = co_await stream.recv();
    if (!chunk) co_return std::unexpected(chunk.error());
    if (chunk->empty()) co_return std::unexpected(IoError::end);
    head += chunk->view();
  }
  co_return status_of(head);
}

Task<ProbeResult> try_socket(async::Loop& loop, Fd socket, std::string to, Probe probe) {
  const auto address = net::Address::parse(to);
  if (!address) throw Error(Code::unavailable, "the shim named an address that cannot be: " + to);
  net::SocketStream stream(loop, std::move(socket));
  if (auto done = co_await stream.descriptor().connect(address->raw(), address->bytes()); !done)
    co_return ProbeResult{
        false, fmt::format("port {}: {}", probe.port, describe(done.error())), {}};
  if (probe.type == model::HealthCheckType::port) co_return ProbeResult{true, {}, {}};
  auto status = co_await get(stream, probe.endpoint);
  if (!status)
    co_return ProbeResult{
        false, fmt::format("GET {}: {}", probe.endpoint, describe(status.error())), {}};
  if (*status >= 200 && *status < 400) co_return ProbeResult{true, {}, {}};
  co_return ProbeResult{false, fmt::format("GET {} answered {}", probe.endpoint, *status), {}};
}

Task<ProbeResult> probe_once(async::Loop& loop, std::string dir, Probe probe) {
  door::Request request;
  request.verb = door::Verb::sockets;
  request.port = static_cast<std::uint16_t>(probe.port);
  auto answer = co_await ask_shim(loop, dir, request);
  if (!answer) {
    if (answer.error() == IoError::timed_out || answer.error() == IoError::cancelled)
      throw error_of(answer.error(), "ask an instance for a socket");
    throw Error(Code::unavailable, fmt::format("the instance cannot be asked for a socket: {}",
                                               describe(answer.error())));
  }
  if (const auto* refusal = std::get_if<door::Refusal>(&answer->reply.body)) {
    if (refusal->why != door::Refused::not_listening)
      throw Error(Code::unavailable, "the instance gave no socket: " + refusal->text);
    ProbeResult result{false, not_listening(probe.port, refusal->ports), {}};
    result.ports.assign(refusal->ports.begin(), refusal->ports.end());
    co_return result;
  }
  const auto* sockets = std::get_if<door::Sockets>(&answer->reply.body);
  if (!sockets || answer->fds.empty())
    throw Error(Code::unavailable, "the instance gave no socket");
  co_return co_await try_socket(loop, std::move(answer->fds.front()), sockets->to, probe);
}

}  // namespace

Task<ProbeResult> probe_instance(async::Loop& loop, std::string dir, Probe probe) {
  // An instance that runs is healthy: its end is seen elsewhere.
  if (probe.type == model::HealthCheckType::process) co_return ProbeResult{true, {}, {}};
  std::string late;
  try {
    auto result = co_await async::within(probe.timeout, probe_once(loop, std::move(dir), probe));
    if (result.healthy) result.ports.push_back(probe.port);
    co_return result;
  } catch (const Error& error) {
    if (error.code() != Code::timeout) throw;
    late = error.message();
  }
  co_return ProbeResult{false, fmt::format("no answer within {} s", probe.timeout / 1s), {}};
}

}  // namespace nuri::engine::local

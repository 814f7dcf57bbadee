#include "router/front.h"

#include "async/deadline.h"
#include "base/limits.h"
#include "base/log.h"
#include "http/head_rules.h"
#include "http/message.h"
#include "router/proxy_preamble.h"

namespace nuri::router {
namespace {

using http::trimmed;

// All fields of the name as one list. Of one that is too long the end: the beginning is what a
// client can write.
std::string all_of(const http::HeadView& head, std::string_view name) {
  std::string out;
  for (const auto& header : head.headers) {
    if (!http::same_name(header.name, name) || trimmed(header.value).empty()) continue;
    if (!out.empty()) out += ", ";
    out += trimmed(header.value);
  }
  if (out.size() <= limits::kForwardedForBytes) return out;
  const auto comma = out.find(',', out.size() - limits::kForwardedForBytes);
  return comma == out.npos ? std::string()
                           : std::string(trimmed(std::string_view(out).substr(comma + 1)));
}

// The last address that is nobody's who is trusted. What is no address ends the search: who wrote
// it is not known.
std::string client_of(std::string_view list, std::string_view peer, const Front& front) {
  std::string_view client = peer;
  while (!list.empty()) {
    const auto comma = list.rfind(',');
    const std::string_view word = trimmed(comma == list.npos ? list : list.substr(comma + 1));
    if (!net::is_host_address(word)) break;
    client = word;
    if (!front.trusted.hold(word)) break;
    list = comma == list.npos ? std::string_view() : list.substr(0, comma);
  }
  return std::string(client);
}

Task<IoResult<std::optional<net::Address>>> read_preamble(Wire& wire) {
  for (;;) {
    const auto parsed = parse_proxy_preamble(wire.here());
    if (!parsed) {
      log_debug("a trusted peer breaks the PROXY protocol", {{"why", parsed.error()}});
      co_return std::unexpected(IoError::malformed);
    }
    if (*parsed) {
      wire.consume((*parsed)->bytes);
      co_return (*parsed)->client;
    }
    wire.keep();
    const std::size_t before = wire.here().size();
    if (auto more = co_await wire.receive(limits::kProxyPreambleDeadline); !more)
      co_return std::unexpected(more.error());
    if (wire.here().size() == before) co_return std::unexpected(IoError::end);
  }
}

}  // namespace

Origin origin_of(const http::HeadView& head, std::string_view peer, std::string_view proto,
                 const Front& front) {
  Origin out{std::string(peer), std::string(peer), proto};
  if (front.trusted.empty() || !front.trusted.hold(peer)) return out;
  const std::string given = all_of(head, "X-Forwarded-For");
  if (!given.empty()) {
    out.client = client_of(given, peer, front);
    out.forwarded_for = given + ", " + std::string(peer);
  }
  std::string_view said;
  for (const auto& header : head.headers)
    if (http::same_name(header.name, "X-Forwarded-Proto")) said = trimmed(header.value);
  if (const auto comma = said.rfind(','); comma != said.npos)
    said = trimmed(said.substr(comma + 1));
  if (said == "http" || said == "https") out.proto = said == "http" ? "http" : "https";
  return out;
}

Task<bool> take_preamble(Wire& wire, net::Address& peer) {
  const auto client = co_await async::within(limits::kProxyPreambleDeadline, read_preamble(wire));
  if (!client) co_return false;
  if (*client) peer = **client;
  co_return true;
}

}  // namespace nuri::router

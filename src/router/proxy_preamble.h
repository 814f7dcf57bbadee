#pragma once

// The PROXY protocol, versions 1 and 2 (haproxy.org/download/3.0/doc/proxy-protocol.txt): what a
// proxy or tunnel in front says before a connection's first byte: whose connection it is. Pure.

#include <cstddef>
#include <expected>
#include <optional>
#include <string_view>

#include "net/address.h"

namespace nuri::router {

struct ProxyPreamble {
  std::size_t bytes = 0;               // of the preamble, to be consumed
  std::optional<net::Address> client;  // none: LOCAL or UNKNOWN, the connection is the proxy's own
};

// What `text` begins with. Nullopt: it is not whole yet. The error says how it breaks the protocol;
// a preamble longer than `limits::kProxyPreambleBytes` does too. Version 1 takes at most 107 bytes
// with CRLF, addresses of the announced family and ports without leading zeros; of version 2 the
// commands LOCAL and PROXY and the families over TCP, and what follows the addresses is passed
// over.
std::expected<std::optional<ProxyPreamble>, std::string_view> parse_proxy_preamble(
    std::string_view text);

}  // namespace nuri::router

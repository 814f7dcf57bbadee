#pragma once

// What stands before the router: proxies and tunnels whose word on the client is believed, because
// their addresses were named.

#include <string>
#include <string_view>

#include "http/parser.h"
#include "net/network.h"
#include "router/wire.h"

namespace nuri::router {

struct Front {
  net::Networks trusted;
  // Connections from there begin with the PROXY protocol, all of them; others never do.
  bool proxy_protocol = false;
};

// Who a request is from.
struct Origin {
  std::string client;         // its address
  std::string forwarded_for;  // X-Forwarded-For for the instance
  std::string_view proto;     // X-Forwarded-Proto: "http" or "https"
};

// Of a connection from `peer` over `proto`. If the peer is trusted, what it says is believed: the
// client is the last address in X-Forwarded-For that is not trusted itself, the peer is added to
// the field, and the last X-Forwarded-Proto holds. Else the peer is the client.
Origin origin_of(const http::HeadView& head, std::string_view peer, std::string_view proto,
                 const Front& front);

// Takes the PROXY preamble off a trusted peer's connection; whose connection it then is goes to
// `peer`. False: the connection is over.
Task<bool> take_preamble(Wire& wire, net::Address& peer);

}  // namespace nuri::router

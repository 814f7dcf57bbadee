#pragma once

// TCP routes: entries of the table whose host is ":PORT". Each connection to that port of the
// router is passed on to an instance, byte for byte.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "router/exchange.h"

namespace nuri::router {

// The port that ":10001" names. Nullopt: it is the host of no TCP route. Ports below 1024 are not
// the router's to open.
std::optional<std::uint16_t> tcp_port_of(std::string_view host);
std::string tcp_host_of(std::uint16_t port);

// Passes one client's connection on, until both sides have finished, one broke, or nothing was said
// for `limits::kTcpIdleDeadline`. An instance that cannot be connected to is passed over for
// another; if there is none the client is reset. Counted as a request of its route: 1xx, or 5xx.
// One loop's thread; no exceptions.
Task<void> relay_tcp(Ground& ground, Fd client, std::string host);

}  // namespace nuri::router

#pragma once

// The limits of what the router does when it ends, follows another or relays TCP, by name.

#include "base/limits.h"

namespace nuri::limits {

inline constexpr Duration kDrainIdleGrace = 5s;       // of clients' idle connections
inline constexpr std::size_t kRouterGenerations = 8;  // routers that drain at the same time
inline constexpr Duration kPredecessorDeadline = 2s;  // for one that drains to take a change
inline constexpr Duration kTakeOverDeadline = 30s;    // for a router to let go of its place
inline constexpr std::size_t kTcpPorts = 200;         // as many descriptors fit into one packet
inline constexpr Duration kTcpIdleDeadline = 1h;
inline constexpr std::size_t kProxyPreambleBytes = 4 * kKiB;  // of the PROXY protocol
inline constexpr Duration kProxyPreambleDeadline = 5s;
inline constexpr std::size_t kTrustedNetworks = 256;
inline constexpr std::size_t kForwardedForBytes = 1 * kKiB;  // that is believed and appended to

}  // namespace nuri::limits

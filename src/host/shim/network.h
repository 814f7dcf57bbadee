#pragma once

// The shim's side of an instance's network namespace: its loopback. The veth is the host's work.

#include "host/shim/result.h"

namespace nuri::shim {

// Where connections from outside seem to come from: documented, constant, not loopback.
inline constexpr char kDoorIPv4[] = "192.0.0.8";  // RFC 7600: dummy address, never on a wire
inline constexpr char kDoorIPv6[] = "100::8";     // RFC 6666: discard-only prefix

// `lo` up, with 192.0.0.8/32 and (where the kernel has IPv6) 100::8/128; ports from 0 open to
// everybody. In the network namespace of the caller; needs root.
Result<> prepare_loopback();

}  // namespace nuri::shim

#pragma once

// Sockets made in the caller's network namespace for somebody outside it.

#include <vector>

#include "base/fd.h"
#include "host/shim/result.h"
#include "host/shim/tcp_table.h"

namespace nuri::shim {

// What listens in this process's network namespace. Asks sock_diag(7), which looks at listening
// sockets only; /proc/net/tcp walks the machine's whole table of connections (11 ms at 256k
// buckets) and is read where the kernel has no sock_diag. Empty if neither can be asked.
std::vector<ListenAddress> read_listening();

// A TCP socket for connecting to `to`: non-blocking, close-on-exec, TCP_NODELAY, bound to 192.0.0.8
// or 100::8 with the port left open until connect().
Result<Fd> make_door_socket(const ListenAddress& to);

}  // namespace nuri::shim

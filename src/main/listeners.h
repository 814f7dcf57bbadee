#pragma once

// The listening sockets of Nuri, which the supervisor opens and keeps, so that connections queue
// while a process is replaced.

#include <string>
#include <vector>

#include "main/settings.h"
#include "net/listener.h"

namespace nuri {

// "apps", "apps-tls" if it is set, and "api" (TCP), "dns-udp" and "dns-tcp" (port 53 of the
// instances' gateway, which need not be up yet). Those of `held` at these addresses are taken, the
// others of it closed. Throws Error naming the address that is taken.
std::vector<net::HandedIn> open_listeners(const Settings& settings, const std::string& gateway,
                                          std::vector<net::HandedIn> held);

}  // namespace nuri

#pragma once

// DNS for instances and builds, on their gateway's address: passed on to the resolvers of this
// machine (resolv.conf(5)), which may be on its loopback, where instances cannot reach them. RFC
// 1035 section 4.2.

#include <string>

#include "async/loop.h"
#include "async/task.h"
#include "base/fd.h"

namespace nuri::router {

// Until cancelled. A question that no resolver answers within 4 s each is answered SERVFAIL. The
// resolvers are read from the file `resolv_conf` for each question; "[ADDRESS]:PORT" names one on
// another port than 53.
Task<void> serve_dns_datagrams(async::Loop& loop, Fd socket, std::string resolv_conf);
Task<void> serve_dns_streams(async::Loop& loop, Fd listener, std::string resolv_conf);

}  // namespace nuri::router

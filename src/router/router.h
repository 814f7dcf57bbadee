#pragma once

// Router: the data plane put together: workers, the table from the server and from disk, or from a
// file alone, DNS for instances.

#include <string>
#include <vector>

#include "async/kernel_loop.h"
#include "net/listener.h"

namespace nuri::router {

struct RouterOptions {
  std::vector<net::HandedIn>
      listeners;  // "apps" is served; "dns-udp" and "dns-tcp" answered; others only kept
  // "metrics" too, if it is handed in.
  std::string metrics_socket;        // path of a stream socket: GET /metrics; empty: none
  std::string admin_socket;          // where the server speaks to it; empty: nowhere
  std::vector<unsigned> admin_uids;  // who may, besides root
  std::string journal_file;          // of the table that the server sent
  std::string table_file;            // in the server's stead: read at the start and at each SIGHUP
  std::string logs_directory;        // access lines; empty: none
  std::size_t workers = 1;
  async::LoopKind loop = async::LoopKind::automatic;  // of each worker
  std::string resolv_conf = "/etc/resolv.conf";       // whose resolvers DNS is forwarded to
};

// Until cancelled: then workers drain for `limits::kDrainDeadline` at most. Throws Error if it
// cannot start. Before any other thread of the process if there is a table_file: it takes SIGHUP.
Task<void> run_router(async::Loop& loop, RouterOptions options);

}  // namespace nuri::router

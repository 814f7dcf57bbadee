#pragma once

// Router: the data plane put together: workers, the table from the server and from disk, or from a
// file alone, DNS for instances.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "async/event.h"
#include "async/kernel_loop.h"
#include "async/task.h"
#include "base/limits.h"
#include "net/listener.h"
#include "router/front.h"

namespace nuri::router {

struct RouterOptions {
  std::vector<net::HandedIn> listeners;  // "apps" is served, "apps-tls" with TLS; "dns-udp" and
                                         // "dns-tcp" answered; others only kept
  // "metrics" too, if it is handed in.
  std::string metrics_socket;        // path of a stream socket: GET /metrics; empty: none
  std::string admin_socket;          // where the server speaks to it; empty: nowhere
  std::vector<unsigned> admin_uids;  // who may, besides root
  std::string journal_file;          // of the table that the server sent
  std::string table_file;            // in the server's stead: read at the start and at each SIGHUP
  std::string logs_directory;        // access lines; empty: none
  std::size_t log_slot = 0;          // of the routers that write there at the same time
  std::size_t workers = 1;
  async::LoopKind loop = async::LoopKind::automatic;  // of each worker
  std::string resolv_conf = "/etc/resolv.conf";       // whose resolvers DNS is forwarded to
  Front front = {};                                   // of who is served at "apps"
  std::uint16_t https_port = 443;                     // where https_redirect leads
  Duration drain_limit = limits::kDrainDeadline;      // for requests and tunnels in flight
  // Called when all is ready and only clients are missing; returns when this router may have the
  // place of the one before it: its sockets' paths and its journal.
  std::function<Task<void>()> take_place = {};
  // Called at each SIGHUP before the table file is read again.
  std::function<void()> pass_on_hangup = {};
  // Called by a drain when another may have this router's place.
  std::function<void()> leave_place = {};
};

// How a router is told to end. The main loop's thread.
struct RouterEnding {
  Duration idle_grace = limits::kDrainIdleGrace;
  const std::vector<net::HandedIn>* listeners = nullptr;  // that it has, while it runs
  async::Event drain;  // leave the place, then end when nothing is in flight
};

// Until it has drained, or is cancelled: then what is in flight is cut. Throws Error if it cannot
// start. Before any other thread of the process if there is a table_file: it takes SIGHUP. `ending`
// outlives it.
Task<void> run_router(async::Loop& loop, RouterOptions options, RouterEnding& ending);

}  // namespace nuri::router

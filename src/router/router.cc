#include "router/router.h"

#include <thread>

#include "async/event.h"
#include "async/task_group.h"
#include "base/error.h"
#include "base/limits.h"
#include "net/packet_socket.h"
#include "router/admin.h"
#include "router/dns.h"
#include "router/worker.h"

namespace nuri::router {
namespace {

Fd duplicate(const Fd& fd) {
  Fd copy(::dup(fd.get()));
  if (!copy) throw Error(Code::unavailable, "out of file descriptors");
  return copy;
}

Task<void> forever() {
  async::Event never;
  (void)co_await never.wait();
}

}  // namespace

Task<void> run_router(async::Loop& loop, RouterOptions options) {
  std::vector<std::unique_ptr<Worker>> workers;
  std::vector<Fd> sockets;
  for (const auto& listener : options.listeners)
    if (listener.name == "apps")
      for (std::size_t n = 0; n < options.workers; ++n) {
        sockets.push_back(duplicate(listener.fd));
        workers.push_back(std::make_unique<Worker>(workers.size(), options.logs_directory));
      }
  if (workers.empty())
    throw Error(Code::bad_request, "the router was given no socket to serve apps on");
  Admin admin(loop, options.table_file, options.admin_uids, options.listeners, workers);
  async::TaskGroup group(co_await async::current_scope());
  for (const auto& listener : options.listeners) {
    if (listener.name == "dns-udp")
      group.spawn(serve_dns_datagrams(loop, duplicate(listener.fd), options.resolv_conf));
    if (listener.name == "dns-tcp")
      group.spawn(serve_dns_streams(loop, duplicate(listener.fd), options.resolv_conf));
  }
  // Clients come when there is something to serve.
  co_await admin.restore();
  for (std::size_t n = 0; n < workers.size(); ++n) workers[n]->listen(std::move(sockets[n]));
  // Its directory and the peer's uid say who may; the server has another group.
  group.spawn(admin.serve(net::listen_packets(options.admin_socket, 0666)));
  group.spawn(forever());
  co_await group.join();
  // Two steps, so that all of them drain at the same time.
  std::vector<std::thread> stops;
  for (auto& worker : workers)
    stops.emplace_back([&worker] { worker->stop(limits::kDrainDeadline); });
  for (auto& stop : stops) stop.join();
}

}  // namespace nuri::router

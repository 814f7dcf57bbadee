#include "router/router.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <optional>
#include <thread>

#include "async/event.h"
#include "async/signals.h"
#include "async/task_group.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/log.h"
#include "http/server.h"
#include "net/packet_socket.h"
#include "router/admin.h"
#include "router/dns.h"
#include "router/metrics.h"
#include "router/table_file.h"
#include "router/worker.h"

namespace nuri::router {
namespace {

constexpr std::size_t kMetricsConnections = 16;

Fd duplicate(const Fd& fd) {
  Fd copy(::dup(fd.get()));
  if (!copy) throw Error(Code::unavailable, "out of file descriptors");
  return copy;
}

// A table that cannot be read leaves the one that is served.
Task<void> reread_at_hangup(async::Signals& hangups, ServedTable& table, std::string path) {
  while (co_await hangups.next()) try {
      Table read = read_table_file(path);
      const std::size_t routes = read.size();
      co_await table.replace(std::move(read));
      log_info("serving the routes of the table file", {{"file", path}, {"routes", routes}});
    } catch (const Error& error) {
      log_error("the table file is not served", {{"file", path}, {"error", error.message()}});
    }
}

// For its user and root.
std::vector<Fd> metrics_listeners(const RouterOptions& options) {
  std::vector<Fd> out;
  for (const auto& listener : options.listeners)
    if (listener.name == "metrics") out.push_back(duplicate(listener.fd));
  if (options.metrics_socket.empty()) return out;
  const auto address = net::Address::parse("unix:" + options.metrics_socket);
  if (!address)
    throw Error(Code::bad_request, fmt::format("the socket path {} is too long for the kernel",
                                               options.metrics_socket));
  ::unlink(options.metrics_socket.c_str());
  out.push_back(net::listen_on(*address));
  if (::chmod(options.metrics_socket.c_str(), 0660) != 0)
    throw system_error(fmt::format("listen on {}", options.metrics_socket), errno);
  return out;
}

Task<void> forever() {
  async::Event never;
  (void)co_await never.wait();
}

}  // namespace

Task<void> run_router(async::Loop& loop, RouterOptions options) {
  std::optional<async::Signals> hangups;
  if (!options.table_file.empty()) hangups.emplace(loop, std::initializer_list<int>{SIGHUP});
  Workers workers;
  std::vector<Fd> sockets;
  for (const auto& listener : options.listeners)
    if (listener.name == "apps")
      for (std::size_t n = 0; n < options.workers; ++n) {
        sockets.push_back(duplicate(listener.fd));
        workers.push_back(
            std::make_unique<Worker>(workers.size(), options.logs_directory, options.loop));
      }
  if (workers.empty())
    throw Error(Code::bad_request, "the router was given no socket to serve apps on");
  ServedTable table(loop, workers, options.journal_file);
  Admin admin(loop, table, options.admin_uids, options.listeners);
  async::TaskGroup group(co_await async::current_scope());
  for (const auto& listener : options.listeners) {
    if (listener.name == "dns-udp")
      group.spawn(serve_dns_datagrams(loop, duplicate(listener.fd), options.resolv_conf));
    if (listener.name == "dns-tcp")
      group.spawn(serve_dns_streams(loop, duplicate(listener.fd), options.resolv_conf));
  }
  // Clients come when there is something to serve.
  co_await table.restore();
  if (!options.table_file.empty()) {
    co_await table.replace(read_table_file(options.table_file));
    group.spawn(reread_at_hangup(*hangups, table, options.table_file));
  }
  for (std::size_t n = 0; n < workers.size(); ++n) workers[n]->listen(std::move(sockets[n]));
  // Its directory and the peer's uid say who may; the server has another group.
  if (!options.admin_socket.empty())
    group.spawn(admin.serve(net::listen_packets(options.admin_socket, 0666)));
  Metrics metrics(loop, workers);
  http::Server metrics_server(loop, metrics, {.max_connections = kMetricsConnections});
  for (auto& fd : metrics_listeners(options))
    group.spawn(metrics_server.run(net::Listener(loop, std::move(fd))));
  group.spawn(forever());
  co_await group.join();
  // Two steps, so that all of them drain at the same time.
  std::vector<std::thread> stops;
  for (auto& worker : workers)
    stops.emplace_back([&worker] { worker->stop(limits::kDrainDeadline); });
  for (auto& stop : stops) stop.join();
}

}  // namespace nuri::router

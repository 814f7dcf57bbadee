#include "router/router.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <memory>

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
#include "router/predecessors.h"
#include "router/served_certificates.h"
#include "router/table_file.h"
#include "router/worker.h"

namespace nuri::router {
namespace {

constexpr std::size_t kMetricsConnections = 16;

std::string directory_of(const std::string& path) {
  return std::filesystem::path(path).parent_path();
}

Fd duplicate(const Fd& fd) {
  Fd copy(::dup(fd.get()));
  if (!copy) throw Error(Code::unavailable, "out of file descriptors");
  return copy;
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

// Workers tell of it as posted jobs, perhaps after who waits has left.
struct Drained {
  explicit Drained(std::size_t workers) : left(workers) {}
  std::size_t left;
  async::Event all;
};

// A router and its parts, in the order in which they are made.
class Router {
 public:
  Router(async::Loop& loop, RouterOptions options)
      : loop_(loop),
        options_(std::move(options)),
        hangups_(options_.table_file.empty()
                     ? nullptr
                     : std::make_unique<async::Signals>(loop, std::initializer_list<int>{SIGHUP})),
        predecessors_(loop),
        ports_(workers_, options_.listeners),
        table_(loop, workers_, ports_, certificates_, predecessors_, options_.journal_file),
        admin_(std::make_shared<Admin>(loop, table_, options_.admin_uids, options_.listeners)),
        metrics_(loop, workers_),
        metrics_server_(loop, metrics_, {.max_connections = kMetricsConnections}) {
    make_workers();
  }
  // Returns when it is to drain.
  Task<void> serve(RouterEnding& ending);
  // Returns when nothing is in flight, or time is up.
  Task<void> drain(Duration idle_grace);
  const std::vector<net::HandedIn>& listeners() const { return options_.listeners; }

 private:
  void make_workers();
  void listen();
  Task<void> read_table();
  Task<void> reread();
  Task<void> reread_at_hangup();
  void serve_dns(async::TaskGroup& group);

  async::Loop& loop_;
  RouterOptions options_;
  std::unique_ptr<async::Signals> hangups_;  // before what has threads
  Predecessors predecessors_;
  Workers workers_;
  std::vector<Fd> sockets_;      // a worker's each
  std::vector<Fd> tls_sockets_;  // the same; none: no TLS is served
  net::TlsTicketKeys ticket_keys_ = ServedCertificates::first_keys();
  ServedCertificates certificates_{workers_};
  TcpPorts ports_;
  ServedTable table_;
  std::shared_ptr<Admin> admin_;  // what workers say to it may come when it is gone
  Metrics metrics_;
  http::Server metrics_server_;
};

void Router::make_workers() {
  const auto limits = std::make_shared<LimitBook>();
  const auto wake = [&loop = loop_, to = std::weak_ptr(admin_)](const std::string& app) {
    loop.post([to, app] {
      if (const auto admin = to.lock()) admin->wake(app);
    });
  };
  for (std::size_t n = 0; n < options_.workers; ++n) {
    for (const auto& listener : options_.listeners) {
      if (listener.name == "apps") sockets_.push_back(duplicate(listener.fd));
      if (listener.name == "apps-tls") tls_sockets_.push_back(duplicate(listener.fd));
    }
    workers_.push_back(std::make_unique<Worker>(WorkerOptions{
        .index = options_.log_slot * kMostWorkers + n,
        .logs_directory = options_.logs_directory,
        .loop = options_.loop,
        .front = options_.front,
        .https_port = options_.https_port,
        .limits = limits,
        .ticket_keys = ticket_keys_,
        .ask_wake = wake,
    }));
  }
  if (sockets_.empty() && tls_sockets_.empty())
    throw Error(Code::bad_request, "the router was given no socket to serve apps on");
}

// Each worker takes its share of the sockets.
void Router::listen() {
  for (std::size_t n = 0; n < sockets_.size(); ++n)
    workers_[n % workers_.size()]->listen(std::move(sockets_[n]));
  for (std::size_t n = 0; n < tls_sockets_.size(); ++n)
    workers_[n % workers_.size()]->listen_tls(std::move(tls_sockets_[n]));
  sockets_.clear();
}

Task<void> Router::read_table() {
  if (!options_.table_file.empty()) co_await table_.replace(read_table_file(options_.table_file));
}

// A table that cannot be read leaves the one that is served.
Task<void> Router::reread() {
  try {
    co_await read_table();
    log_info("serving the routes of the table file",
             {{"file", options_.table_file}, {"pid", ::getpid()}});
  } catch (const Error& error) {
    log_error("the table file is not served",
              {{"file", options_.table_file}, {"error", error.message()}});
  }
}

Task<void> Router::reread_at_hangup() {
  while (co_await hangups_->next()) {
    if (options_.pass_on_hangup) options_.pass_on_hangup();
    co_await reread();
  }
}

void Router::serve_dns(async::TaskGroup& group) {
  for (const auto& listener : options_.listeners) {
    if (listener.name == "dns-udp")
      group.spawn(serve_dns_datagrams(loop_, duplicate(listener.fd), options_.resolv_conf));
    if (listener.name == "dns-tcp")
      group.spawn(serve_dns_streams(loop_, duplicate(listener.fd), options_.resolv_conf));
  }
}

Task<void> Router::serve(RouterEnding& ending) {
  async::TaskGroup group(co_await async::current_scope());
  // Clients come when there is something to serve.
  if (!tls_sockets_.empty()) certificates_.serve_without_any();
  co_await table_.restore();
  co_await read_table();
  if (options_.take_place) {
    if (!options_.admin_socket.empty()) ports_.inherit(fetch_listeners(options_.admin_socket));
    co_await options_.take_place();
    if (!options_.admin_socket.empty())
      group.spawn(predecessors_.run(directory_of(options_.admin_socket)));
    // What changed while the place was another's.
    co_await table_.restore();
    if (!options_.table_file.empty()) co_await reread();
  }
  serve_dns(group);
  if (hangups_) group.spawn(reread_at_hangup());
  if (!tls_sockets_.empty()) group.spawn(certificates_.rotate_keys(ticket_keys_));
  listen();
  ports_.begin();
  group.spawn(ports_.try_again());
  // Its directory and the peer's uid say who may; the server has another group.
  if (!options_.admin_socket.empty())
    group.spawn(admin_->serve(net::listen_packets(options_.admin_socket, 0666)));
  for (auto& fd : metrics_listeners(options_))
    group.spawn(metrics_server_.run(net::Listener(loop_, std::move(fd))));
  log_info("the router serves", {{"pid", ::getpid()}});
  (void)co_await ending.drain.wait();
  ports_.end();
  group.cancel();
  co_await group.join();
}

Task<void> Router::drain(Duration idle_grace) {
  async::TaskGroup group(co_await async::current_scope());
  auto drained = std::make_shared<Drained>(workers_.size());
  for (auto& worker : workers_)
    worker->drain(options_.drain_limit, idle_grace, [drained, &loop = loop_] {
      loop.post([drained] {
        if (--drained->left == 0) drained->all.set();
      });
    });
  co_await table_.let_go_of_journal();
  std::string path;
  if (!options_.admin_socket.empty()) {
    path = draining_socket(directory_of(options_.admin_socket), ::getpid());
    group.spawn(admin_->serve(net::listen_packets(path, 0666)));
  }
  if (hangups_) group.spawn(reread_at_hangup());
  if (options_.leave_place) options_.leave_place();
  // Nobody accepts there any more but who has them, too.
  options_.listeners.clear();
  log_info("the router has left its place", {{"pid", ::getpid()}});
  (void)co_await drained->all.wait();
  log_info("the router has drained", {{"pid", ::getpid()}});
  if (!path.empty()) ::unlink(path.c_str());
  group.cancel();
  co_await group.join();
}

}  // namespace

Task<void> run_router(async::Loop& loop, RouterOptions options, RouterEnding& ending) {
  Router router(loop, std::move(options));
  ending.listeners = &router.listeners();
  co_await router.serve(ending);
  if (ending.drain.is_set()) co_await router.drain(ending.idle_grace);
}

}  // namespace nuri::router

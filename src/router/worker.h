#pragma once

// Worker: one thread of the router with its own loop, table, connections to instances and log
// writers. Nothing is shared with the others; what it is told comes as posted jobs.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "async/kernel_loop.h"
#include "base/fd.h"
#include "net/certificate.h"
#include "net/tls_server.h"
#include "router/counters.h"
#include "router/exchange.h"
#include "router/limit_book.h"
#include "router/table_change.h"

namespace nuri::router {

inline constexpr std::size_t kMostWorkers = 64;  // of one router

struct WorkerOptions {
  std::size_t index = 0;
  std::string logs_directory{};  // access lines go below it; empty: none
  async::LoopKind loop = async::LoopKind::automatic;
  Deadlines deadlines{};
  Front front{};
  std::uint16_t https_port = 443;                                     // where https_redirect leads
  std::shared_ptr<LimitBook> limits = std::make_shared<LimitBook>();  // of all workers
  net::TlsTicketKeys ticket_keys{};  // of all workers; none: this one's own
  // Called with an app that requests wait for, on the worker's thread.
  std::function<void(const std::string& app)> ask_wake{};
};

class Worker {
 public:
  // Throws Error if the kernel gives no loop.
  explicit Worker(WorkerOptions options);
  ~Worker();

  // From now on serves clients of `listener` (its own descriptor of the shared socket) until
  // stop(). Once; any thread.
  void listen(Fd listener);
  // The same for clients that speak TLS.
  void listen_tls(Fd listener);
  // What later handshakes show for `name`, as net::TlsServer has it; "": for every other. Null:
  // nothing. Any thread.
  void put_certificate(std::string name, std::shared_ptr<const net::Certificate> certificate);
  void set_ticket_keys(net::TlsTicketKeys keys);
  // Any thread: the same for connections to a TCP route's port, until end_tcp() of it.
  void listen_tcp(std::uint16_t port, Fd listener);
  void end_tcp(std::uint16_t port);
  // Any thread. `done` is called on the worker's thread.
  void apply(std::shared_ptr<const TableChange> change, std::function<void()> done);
  void count(std::function<void(Counted)> done);
  void when_idle(std::string upstream, std::function<void()> done);
  // Accepts nothing more and lets requests in flight finish for at most `limit`; connections
  // between two requests have `idle_grace` for one more. Then calls `done`, on the worker's thread,
  // which goes on until stop(). Once.
  void drain(Duration limit, Duration idle_grace, std::function<void()> done);
  // Accepts nothing more, lets requests in flight finish for at most `limit`, then ends the thread.
  // A drain() that goes on is cut short.
  void stop(Duration limit);

 private:
  struct State;
  std::size_t index_;
  std::unique_ptr<State> state_;
  std::thread thread_;
};

}  // namespace nuri::router

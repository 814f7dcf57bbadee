#pragma once

// Server: HTTP/1.1 for a Service over any net::Stream (RFC 9112): keep-alive, pipelining, HEAD,
// 100-continue, chunked and length framing, deadlines on everything that a client can delay. An
// idle connection holds its frame and no buffer. One loop's thread.

#include <string>

#include "async/event.h"
#include "async/intrusive.h"
#include "async/loop.h"
#include "async/task_group.h"
#include "base/limits.h"
#include "base/random.h"
#include "http/parser.h"
#include "http/service.h"
#include "net/listener.h"

namespace nuri::http {

class Connection;

struct ServerOptions {
  // At the limit the connection that is idle longest gives way; if none is, new ones queue in the
  // kernel.
  std::size_t max_connections = limits::kHttpConnections;
  Duration head_deadline = limits::kHeadDeadline;           // from a head's first byte to its last
  Duration idle_deadline = limits::kIdleDeadline;           // for a head's first byte
  Duration body_idle_deadline = limits::kBodyIdleDeadline;  // for each next piece, both ways
  Duration drain_deadline = limits::kDrainDeadline;  // after it, drain() cancels what still runs
  Random* random = nullptr;  // of request ids; the kernel's if null, in simulation the loop's
};

class Server {
 public:
  // `loop` and `service` outlive the server, the server its tasks.
  Server(async::Loop& loop, Service& service, ServerOptions options = {});
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Accepts and serves until drain(), or until its scope is cancelled, which cuts every connection.
  // Returns when all connections have ended. May run for several listeners at once.
  Task<void> run(net::Listener listener);

  // Serves one connection until it ends; never throws. `stream` outlives the task.
  Task<void> serve_connection(net::Stream& stream);

  // Stops accepting (the listeners are closed), closes idle connections, lets requests that began
  // finish and closes their connections. Idempotent.
  void drain();
  bool draining() const { return draining_; }
  std::size_t connections() const { return connections_; }

 private:
  friend class Connection;
  Task<void> accept_all(net::Listener& listener, async::TaskGroup& group);
  Task<void> serve_socket(Fd socket);
  // False if none is idle.
  bool close_longest_idle();
  std::string make_request_id();

  async::Loop& loop_;
  Service& service_;
  ServerOptions options_;
  SystemRandom system_random_;
  HeadSpace head_space_;  // used between two waits only, so one is enough
  bool draining_ = false;
  std::size_t connections_ = 0;
  async::Event changed_;  // pulsed when a connection became idle or ended
  async::Event drain_;
  struct Idle {
    async::Scope& scope;
    async::Link link;
  };
  async::List<Idle, &Idle::link> idle_;  // longest first
};

}  // namespace nuri::http

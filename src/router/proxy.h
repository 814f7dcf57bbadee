#pragma once

// Serves clients' connections: one coroutine each, request after request; of HTTP/2 clients one for
// each request. One loop's thread; no exceptions.

#include <string>

#include "base/random.h"
#include "net/tls_server.h"
#include "router/access_log.h"
#include "router/exchange.h"

namespace nuri::router {

class Proxy {
 public:
  Proxy(async::Loop& loop, RouteTable& table, AccessLog& log, Random& random,
        Deadlines deadlines = {}, Front front = {},
        std::function<void(const std::string& app)> ask_wake = {})
      : ground_{.loop = loop,
                .table = table,
                .deadlines = deadlines,
                .front = std::move(front),
                .ask_wake = std::move(ask_wake)},
        log_(log),
        random_(random),
        between_(loop.root(), async::Work::beginning) {}

  // Serves one client until it ends.
  Task<void> serve(Fd client);
  // The same inside TLS; `tls` outlives it.
  Task<void> serve_tls(Fd client, net::TlsServer& tls);
  // From now on each answer says that it is its connection's last.
  void drain();
  // After drain(): connections between two requests end. One that has brought none yet gets a
  // moment to do so.
  void close_idle();
  Ground& ground() { return ground_; }

 private:
  enum class First { yes, no };
  [[gnu::noinline]] Task<bool> begins_late(Wire& client, First first);
  Task<bool> introduce(Wire& client, Peer& peer);
  Task<void> converse(Wire& client, const Peer& peer);
  Task<IoResult<bool>> speaks_http2(Wire& client);
  Task<void> serve_http2(Wire& client, const Peer& peer);
  Task<void> serve_stream(Wire& stream, const Peer& peer);
  Wire::HeadReader request_reader(Wire& client);
  // `idle`: for the next one, if the route says so.
  Task<After> answer(Wire& client, const Wire::Head& head, const Peer& peer, Duration& idle);
  [[gnu::noinline]] Task<After> serve_one(Wire& client, const http::HeadView& head,
                                          const Peer& peer, Duration& idle);
  [[gnu::noinline]] Task<After> refuse_head(Wire& client, const Wire::Head& head);
  [[gnu::noinline]] void note(Exchange& exchange);

  Ground ground_;
  AccessLog& log_;
  Random& random_;
  async::Scope between_;  // of those who wait for a request to begin
};

}  // namespace nuri::router

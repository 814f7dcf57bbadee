#pragma once

// The way of a request: parse, find the route, pick an instance, pass on, pass back. One coroutine
// a connection; one loop's thread; no exceptions.

#include <string>

#include "base/random.h"
#include "router/access_log.h"
#include "router/route_table.h"
#include "router/wire.h"

namespace nuri::router {

struct Deadlines {
  Duration idle = limits::kIdleDeadline;           // for a request's first byte
  Duration head = limits::kHeadDeadline;           // for the rest of its head
  Duration body_idle = limits::kBodyIdleDeadline;  // for each next piece of content, both ways
  Duration connect = std::chrono::seconds(5);      // to an instance
  Duration answer = std::chrono::minutes(15);      // for an instance's answer to begin
};

class Proxy {
 public:
  Proxy(async::Loop& loop, RouteTable& table, AccessLog& log, Random& random)
      : loop_(loop), table_(table), log_(log), random_(random) {}

  // Serves one client until it ends. Never throws.
  Task<void> serve(Fd client);
  // From now on each connection ends after the request that it is in.
  void drain() { draining_ = true; }

 private:
  struct Exchange;
  // False: the connection must end.
  Task<bool> serve_one(Wire& client, const http::HeadView& head, const std::string& address);
  Task<bool> forward(Wire& client, Exchange& exchange);
  enum class Attempt { answered, ended, again };
  Task<Attempt> attempt(Wire& client, Exchange& exchange, Upstream& upstream);
  Task<Attempt> exchange_over(Wire& client, Wire& server, Exchange& exchange, Upstream& upstream,
                              bool kept);
  Task<Attempt> pass_back(Wire& client, Wire& server, Exchange& exchange, Upstream& upstream,
                          Wire::Head& answer);
  Task<bool> refuse(Wire& client, Exchange& exchange, int status, std::string error,
                    std::string message);
  std::string make_request_id();

  async::Loop& loop_;
  RouteTable& table_;
  AccessLog& log_;
  Random& random_;
  Deadlines deadlines_;
  http::HeadSpace head_space_;  // used between two waits only, so one is enough
  bool draining_ = false;
};

}  // namespace nuri::router

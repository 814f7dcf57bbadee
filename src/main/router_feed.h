#pragma once

// The router's feed as the controllers know it.

#include "control/route_feed.h"
#include "router/table_feed.h"

namespace nuri {

class RouterFeed final : public control::RouteFeed {
 public:
  RouterFeed(async::Loop& loop, std::string socket) : feed_(loop, std::move(socket)) {}
  // Until cancelled.
  Task<void> run() { return feed_.run(); }
  Task<IoResult<void>> publish(std::vector<model::RouteEntry> table) override {
    return feed_.publish(std::move(table));
  }
  Task<IoResult<void>> drained(std::string upstream_id) override {
    return feed_.drained(std::move(upstream_id));
  }

 private:
  router::TableFeed feed_;
};

}  // namespace nuri

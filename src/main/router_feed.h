#pragma once

// The router's feed as the controllers know it.

#include "async/deadline.h"
#include "control/route_feed.h"
#include "router/table_feed.h"

namespace nuri {

class RouterFeed final : public control::RouteFeed {
 public:
  RouterFeed(async::Loop& loop, std::string socket) : feed_(loop, std::move(socket)) {}
  // Until cancelled.
  Task<void> run() { return feed_.run(); }
  Task<IoResult<void>> publish(model::RouteTable table) override {
    return feed_.publish(std::move(table));
  }
  Task<IoResult<void>> drained(std::string upstream_id) override {
    return ask_until_answered(std::move(upstream_id));
  }

 private:
  // A router that ends takes its questions with it: its successor answers for both.
  Task<IoResult<void>> ask_until_answered(std::string upstream_id) {
    for (;;) {
      auto answer = co_await feed_.drained(upstream_id);
      if (answer || (answer.error() != IoError::unreachable && answer.error() != IoError::reset))
        co_return answer;
      if (auto slept = co_await async::sleep(kAskAgain); !slept) co_return slept;
    }
  }
  static constexpr Duration kAskAgain = std::chrono::milliseconds(100);
  router::TableFeed feed_;
};

}  // namespace nuri

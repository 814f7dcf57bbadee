#pragma once

// A router that outlives the simulated server: it serves the last table that it was told.

#include <vector>

#include "async/deadline.h"
#include "base/random.h"
#include "control/route_feed.h"
#include "trace.h"

namespace nuri::sim {

class FakeRouter final : public control::RouteFeed {
 public:
  FakeRouter(Random& random, Trace& trace) : random_(random), trace_(trace) {}

  Task<IoResult<void>> publish(model::RouteTable told) override;
  Task<IoResult<void>> drained(std::string upstream_id) override;

  const std::vector<model::RouteEntry>& table() const { return table_; }
  bool sends_to(const std::string& instance) const;

  unsigned unreachable = 0;  // per cent of calls

 private:
  Task<IoResult<void>> travel(Duration slowest);
  Random& random_;
  Trace& trace_;
  std::vector<model::RouteEntry> table_;
};

}  // namespace nuri::sim

#pragma once

// The way to the router, as the controllers see it.

#include <string>

#include "async/task.h"
#include "model/route_table.h"

namespace nuri::control {

class RouteFeed {
 public:
  virtual ~RouteFeed() = default;
  // Makes `table` the whole table; returns once the router serves it. IoError if the router cannot
  // be reached before the scope's deadline: it goes on with what it has.
  virtual Task<IoResult<void>> publish(model::RouteTable table) = 0;
  // Returns once no request is in flight to an upstream (by id) that the table no longer has.
  virtual Task<IoResult<void>> drained(std::string upstream_id) = 0;
};

}  // namespace nuri::control

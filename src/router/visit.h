#pragma once

// What a route's settings mean for one request. Made only for routes that have some.

#include <memory>
#include <string_view>

#include "router/compression.h"
#include "router/edge.h"
#include "router/exchange.h"
#include "router/route_edge.h"

namespace nuri::router {

struct Visit {
  // The views point into `request`. `space` is used for the call only.
  Visit(std::shared_ptr<RouteEdge> edge, const Request& request, http::HeadSpace& space,
        const Deadlines& usual);
  const model::RouteSettings& settings() const { return *edge->settings; }

  std::shared_ptr<RouteEdge> edge;
  Deadlines deadlines;
  std::string_view sticky, hash_value, authorization;
  Coding coding = Coding::none;  // that the client wants its answer in
};

}  // namespace nuri::router

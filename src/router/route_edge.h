#pragma once

// A route's settings as one worker keeps to them. One loop's thread.

#include <memory>
#include <optional>

#include "model/route_settings.h"
#include "router/basic_auth.h"

namespace nuri::router {

struct RouteEdge {
  explicit RouteEdge(std::shared_ptr<const model::RouteSettings> of) : settings(std::move(of)) {
    if (settings->basic_auth) known.emplace();
  }
  std::shared_ptr<const model::RouteSettings> settings;  // never null
  std::optional<KnownPasswords> known;                   // if there is basic_auth
};

}  // namespace nuri::router

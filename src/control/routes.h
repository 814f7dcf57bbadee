#pragma once

// Routes: keeps the router's table equal to what the rows say.

#include "control/route_feed.h"
#include "engine/engine.h"
#include "store/live_store.h"

namespace nuri::control {

class Routes {
 public:
  Routes(store::LiveStore& store, engine::Engine& engine, RouteFeed& feed)
      : store_(store), engine_(engine), feed_(feed) {}

  // Until cancelled.
  Task<void> run();
  // Returns once the router serves a table at least as new as the rows are now; false if it cannot
  // be reached within `limit`.
  Task<bool> sync(Duration limit);
  // Waits until `instance`, which the table no longer has, answers no request any more.
  Task<void> drain(InstanceGuid instance, Duration limit);

 private:
  Task<void> publish_once();

  store::LiveStore& store_;
  engine::Engine& engine_;
  RouteFeed& feed_;
  std::uint64_t wanted_ = 1;     // tables asked for
  std::uint64_t published_ = 0;  // the newest that the router has
  async::Event asked_, done_;
};

}  // namespace nuri::control

#pragma once

// Routes: keeps the router's table equal to what the rows say.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "control/route_feed.h"
#include "engine/engine.h"
#include "store/live_store.h"

namespace nuri::control {

class Routes {
 public:
  // `domain`: whose self-signed certificate is shown to who asks for none; empty: none is.
  Routes(store::LiveStore& store, engine::Engine& engine, RouteFeed& feed, std::string domain = {})
      : store_(store),
        engine_(engine),
        feed_(feed),
        domain_(std::move(domain)),
        certificate_changes_(store.follow({store::Noun::certificate})) {}

  // Until cancelled.
  Task<void> run();
  // Returns once the router serves a table at least as new as the rows are now; false if it cannot
  // be reached within `limit`.
  Task<bool> sync(Duration limit);
  // What the router answers to an authority's challenges, beside what the rows say; sync() tells
  // when it does. False: there are limits::kAcmeChallenges already; there was none.
  bool set_challenge(std::string token, std::string authorization);
  bool clear_challenge(const std::string& token);
  // Waits until `instance`, which the table no longer has, answers no request any more.
  Task<void> drain(InstanceGuid instance, Duration limit);

 private:
  Task<void> publish_once();

  store::LiveStore& store_;
  engine::Engine& engine_;
  RouteFeed& feed_;
  std::string domain_;
  std::unique_ptr<store::Follower> certificate_changes_;
  std::optional<std::vector<model::TableCertificate>> certificates_;  // nothing: to be read
  std::map<std::string, std::string> challenges_;                     // token → authorization
  std::uint64_t wanted_ = 1;                                          // tables asked for
  std::uint64_t published_ = 0;  // the newest that the router has
  async::Event asked_, done_;
};

}  // namespace nuri::control

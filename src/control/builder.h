#pragma once

// Builder: carries out builds. A build is a row before it is anything else, so one that a crash cut
// off is found STAGING and run again from its package. One whose row is no longer STAGING (its app
// is being deleted) is cut short. The row's step is `done` once nothing of the build is left.

#include <map>

#include "async/task_group.h"
#include "base/random.h"
#include "control/app_log.h"
#include "engine/engine.h"
#include "store/live_store.h"

namespace nuri::control {

struct BuilderParts {
  async::Loop& loop;
  store::LiveStore& store;
  engine::Engine& engine;
  AppLog& log;
  Random& random;
  std::size_t at_once = 2;  // builds side by side; others wait their turn, oldest first
  Duration limit = std::chrono::minutes(15);  // of one build
};

class Builder {
 public:
  explicit Builder(BuilderParts parts) : parts_(parts), builds_(parts.loop) {}
  // Until cancelled.
  Task<void> run();

 private:
  Task<void> follow_rows(store::Follower& rows);
  Task<void> take_up();
  // Removes the sandboxes of builds that do not run here, and says so in their rows.
  Task<void> sweep(std::vector<BuildGuid> ended);
  Task<void> build(BuildGuid guid);
  Task<void> carry_out(BuildGuid guid);
  Task<void> fail(BuildGuid guid, AppGuid app, std::string why);
  Task<void> succeed(BuildGuid guid, engine::BuildResult result);

  BuilderParts parts_;
  std::map<BuildGuid, async::Scope*> running_;  // null: not in the engine's hands
  bool look_ = true;
  async::Event something_;
  async::TaskGroup builds_;  // last: its frames go before what they use
};

}  // namespace nuri::control

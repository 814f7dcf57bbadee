#pragma once

// Deleter: carries out the jobs that delete things. A job is a row; its steps are idempotent, so
// one that a crash cut off is simply done again.
//
// Operations: "app.delete" (the app's instances and builds end first, then its rows, log and caches
// go), "route.delete".

#include <set>

#include "async/task_group.h"
#include "control/app_log.h"
#include "engine/engine.h"
#include "store/live_store.h"

namespace nuri::control {

class Deleter {
 public:
  Deleter(async::Loop& loop, store::LiveStore& store, engine::Engine& engine, AppLog& log)
      : loop_(loop), store_(store), engine_(engine), log_(log), jobs_(loop) {}
  // Until cancelled.
  Task<void> run();

 private:
  Task<void> carry_out(JobGuid guid);
  Task<void> delete_app(AppGuid app);

  async::Loop& loop_;
  store::LiveStore& store_;
  engine::Engine& engine_;
  AppLog& log_;
  std::set<JobGuid> running_;
  async::TaskGroup jobs_;  // last: its frames go before what they use
};

}  // namespace nuri::control

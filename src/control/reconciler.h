#pragma once

// Reconciler: brings every app's instances to what its rows ask for. The only writer of instance
// rows and of the progress of deployments. Observes (store, engine, probes), plans
// (plan/reconcile.h), writes the rows, then acts on the engine, one action at a time per instance.

#include <map>
#include <memory>
#include <set>

#include "async/task_group.h"
#include "base/random.h"
#include "control/app_log.h"
#include "control/routes.h"
#include "engine/engine.h"
#include "plan/health.h"
#include "plan/reconcile.h"
#include "store/live_store.h"

namespace nuri::control {

struct ReconcilerParts {
  async::Loop& loop;
  store::LiveStore& store;
  engine::Engine& engine;
  Routes& routes;
  AppLog& log;
  Random& random;
};

class Reconciler {
 public:
  explicit Reconciler(ReconcilerParts parts);
  // Until cancelled. Failures of store or engine are logged and tried again.
  Task<void> run();

 private:
  struct Watch {
    AppGuid app;
    bool wanted = true;
    plan::HealthHistory history;
  };
  struct Refusal {
    AppGuid app;
    model::InstanceExit exit;
  };

  Task<void> follow_rows();
  Task<void> follow_engine();
  Task<void> work();
  class Starting;
  Task<void> step(AppGuid app);
  Task<void> look();  // refreshes what is seen of the engine
  Task<bool> write(const plan::AppPlan& plan, const plan::AppView& view);
  Task<void> report(const plan::AppPlan& plan, const plan::AppView& view);

  void act(const plan::AppPlan& plan, const plan::AppView& view);
  void begin(const InstanceGuid& instance, const AppGuid& app, Task<void> action);
  Task<void> carry_out(InstanceGuid instance, AppGuid app, Task<void> action);
  Task<void> start(InstanceGuid instance, AppGuid app);
  Task<void> stop(InstanceGuid instance, AppGuid app, Duration grace);
  Task<void> remove(InstanceGuid instance, AppGuid app);

  plan::World world_of(const AppGuid& app) const;
  // Of what has no row any more.
  void forget(const AppGuid& app, const std::set<InstanceGuid>& rows);
  void keep_watches(const plan::AppView& view);
  Task<void> watch(InstanceGuid instance, AppGuid app, model::HealthCheck check,
                   std::shared_ptr<Watch> state);

  void mark(const AppGuid& app);
  void mark_later(const AppGuid& app, WallTime when);

  ReconcilerParts parts_;
  std::map<InstanceGuid, engine::Observed> seen_;
  bool stale_ = true;
  async::Event looked_;  // pulsed when seen_ is new
  std::set<InstanceGuid> acting_;
  std::map<InstanceGuid, AppGuid> settling_;  // acted on since seen_ was asked for
  int starting_ = 0;
  async::Event start_ended_;
  std::map<InstanceGuid, Refusal> refused_;
  std::map<InstanceGuid, AppGuid> removed_;  // with success
  std::map<InstanceGuid, std::shared_ptr<Watch>> watches_;
  std::set<AppGuid> dirty_;
  AppGuid last_;  // that had its turn
  std::map<AppGuid, WallTime> later_;
  async::Event something_;
  async::TaskGroup actions_;  // last: its frames go before what they use
};

}  // namespace nuri::control

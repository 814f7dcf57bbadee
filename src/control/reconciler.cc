#include "control/reconciler.h"

#include <fmt/format.h>

#include "base/log.h"
#include "control/crash_event.h"
#include "control/instance_spec.h"
#include "control/rows.h"
#include "model/tenancy.h"

namespace nuri::control {
namespace {

using store::Noun;

constexpr Duration kLookEvery = 10s;  // also without a sign from the engine
constexpr Duration kRetry = 1s;       // after a failure of store or engine
constexpr Duration kEngineDeadline = 60s;
constexpr int kStartsAtOnce = 8;
constexpr Duration kSyncLimit = 5s;
constexpr Duration kDrainLimit = 10s;
constexpr Duration kStopMargin = 5s;  // beyond the grace, then it is killed

}  // namespace

Reconciler::Reconciler(ReconcilerParts parts) : parts_(parts), actions_(parts.loop) {}

void Reconciler::mark(const AppGuid& app) {
  if (dirty_.insert(app).second) something_.pulse();
}

void Reconciler::mark_later(const AppGuid& app, WallTime when) {
  const auto [it, fresh] = later_.emplace(app, when);
  if (!fresh && when < it->second) it->second = when;
}

Task<void> Reconciler::run() {
  async::TaskGroup group(parts_.loop);
  group.spawn(follow_rows());
  group.spawn(follow_engine());
  group.spawn(work());
  co_await group.join();
  actions_.cancel();
  co_await actions_.join();
}

Task<void> Reconciler::follow_rows() {
  auto follower = parts_.store.follow({Noun::app, Noun::process, Noun::deployment, Noun::instance});
  for (;;) {
    bool failed = false;
    try {
      for (const AppGuid& app : co_await parts_.store.read(all_apps)) mark(app);
      for (;;) {
        auto changes = co_await follower->next();
        if (!changes) co_return;
        for (const AppGuid& app :
             co_await parts_.store.read([changes = std::move(*changes)](store::Reader& reader) {
               return changes.empty() ? all_apps(reader) : apps_of(reader, changes);
             }))
          mark(app);
      }
    } catch (const Error& error) {
      log_error("cannot read what changed", {{"error", error.message()}});
      failed = true;
    }
    if (failed && !co_await async::sleep(kRetry)) co_return;
  }
}

Task<void> Reconciler::follow_engine() {
  for (;;) {
    auto changed = [](engine::Engine& engine) -> Task<IoResult<void>> {
      co_return co_await engine.changed().wait();
    };
    auto waited = co_await async::within(kLookEvery, changed(parts_.engine));
    if (!waited && waited.error() != IoError::timed_out) co_return;
    stale_ = true;
    something_.pulse();
  }
}

Task<void> Reconciler::look() {
  const std::map<InstanceGuid, AppGuid> settled = settling_;
  stale_ = false;
  std::vector<engine::Observed> all;
  try {
    all = co_await async::within(kEngineDeadline, parts_.engine.observe());
  } catch (const Error&) {
    stale_ = true;
    throw;
  }
  std::map<InstanceGuid, engine::Observed> now;
  for (auto& one : all)
    if (!one.build) now.emplace(one.guid, std::move(one));
  for (const auto& [guid, one] : now) {
    const auto before = seen_.find(guid);
    if (before == seen_.end() || before->second.exit != one.exit) mark(one.app);
  }
  for (const auto& [guid, one] : seen_)
    if (!now.contains(guid)) mark(one.app);
  seen_ = std::move(now);
  // Now that it is known what became of them, their apps may go on.
  for (const auto& [guid, app] : settled) {
    settling_.erase(guid);
    mark(app);
  }
  looked_.pulse();
}

Task<void> Reconciler::work() {
  async::Scope& scope = co_await async::current_scope();
  while (!scope.cancelled()) {
    const WallTime now = parts_.loop.wall();
    for (auto it = later_.begin(); it != later_.end();)
      if (it->second <= now) {
        dirty_.insert(it->first);
        it = later_.erase(it);
      } else {
        ++it;
      }
    if (dirty_.empty() && !stale_) {
      Duration wait = kLookEvery;
      for (const auto& [app, when] : later_) wait = std::min(wait, when - now);
      auto something = [](async::Event& event) -> Task<IoResult<void>> {
        co_return co_await event.wait();
      };
      auto waited = co_await async::within(wait, something(something_));
      if (!waited && waited.error() != IoError::timed_out) co_return;
      continue;
    }
    std::optional<AppGuid> app;
    std::string failure;
    try {
      if (stale_) co_await look();
      if (!dirty_.empty()) {
        // Each in its turn, so that one app which always has something to do stops no other.
        auto next = dirty_.upper_bound(last_);
        if (next == dirty_.end()) next = dirty_.begin();
        app = last_ = *next;
        dirty_.erase(next);
        co_await step(*app);
      }
    } catch (const std::exception& error) {
      failure = error.what();
    }
    if (failure.empty() || scope.cancelled()) continue;
    log_error("cannot reconcile", {{"app", app ? app->str() : "-"}, {"error", failure}});
    if (app) mark_later(*app, parts_.loop.wall() + kRetry);
    if (!co_await async::sleep(app ? Duration(0) : kRetry)) co_return;
  }
}

Task<void> Reconciler::step(AppGuid app) {
  auto view =
      co_await parts_.store.read([app](store::Reader& reader) { return load_view(reader, app); });
  const plan::World world = world_of(app);
  std::set<InstanceGuid> rows;
  if (view)
    for (const auto& row : view->instances) rows.insert(row.guid);
  forget(app, rows);
  if (!view) {
    // The app is gone: so must be what it left.
    for (const auto& [guid, sighting] : world.sandboxes)
      if (!world.busy.contains(guid)) begin(guid, app, remove(guid, app));
    co_return;
  }
  const plan::AppPlan plan = plan::reconcile(*view, world, parts_.random);
  if (plan.writes()) {
    if (!co_await write(plan, *view)) {
      mark(app);
      co_return;
    }
    co_await report(plan, *view);
  }
  act(plan, *view);
  if (plan.next_look) mark_later(app, *plan.next_look);
}

plan::World Reconciler::world_of(const AppGuid& app) const {
  plan::World world;
  world.now = parts_.loop.wall();
  for (const auto& [guid, one] : seen_)
    if (one.app == app) world.sandboxes.emplace(guid, plan::Sighting{one.exit});
  for (const auto& [guid, watch] : watches_)
    if (watch->app == app) world.health.emplace(guid, watch->history.verdict);
  for (const auto& [guid, refusal] : refused_)
    if (refusal.app == app) world.refused.emplace(guid, refusal.exit);
  for (const auto& [guid, of] : removed_)
    if (of == app) world.removed.insert(guid);
  world.busy = acting_;
  for (const auto& [guid, of] : settling_) world.busy.insert(guid);
  return world;
}

void Reconciler::forget(const AppGuid& app, const std::set<InstanceGuid>& rows) {
  for (auto& [guid, watch] : watches_)
    if (watch->app == app && !rows.contains(guid)) watch->wanted = false;
  std::erase_if(watches_, [](const auto& entry) { return !entry.second->wanted; });
  std::erase_if(refused_, [&](const auto& entry) {
    return entry.second.app == app && !rows.contains(entry.first);
  });
  std::erase_if(removed_, [&](const auto& entry) {
    return entry.second == app && !rows.contains(entry.first);
  });
}

Task<bool> Reconciler::write(const plan::AppPlan& plan, const plan::AppView& view) {
  const auto crashes = crash_events(plan, view, parts_.loop.wall(), parts_.random);
  // What instances do can be seen again: only what users said is worth waiting for the disk.
  co_return co_await parts_.store.write(
      [plan, view, crashes](store::Writer& tx) {
        if (!write_plan(tx, plan, view)) return false;
        const auto space = tx.find(view.app.space);
        for (model::Event event : crashes) {
          if (space) event.org_guid = space->org.str();
          tx.insert(event);
        }
        return true;
      },
      store::Durability::ordered);
}

Task<void> Reconciler::report(const plan::AppPlan& plan, const plan::AppView& view) {
  for (const model::Instance* row : newly_crashed(plan, view)) {
    const bool vanished = row->exit.reason == model::ExitReason::vanished;
    const auto wait =
        std::chrono::ceil<std::chrono::seconds>(*row->next_start_at - parts_.loop.wall());
    co_await parts_.log.write(
        row->app,
        fmt::format("Instance {} {}: {}. Trying again in {} s.", row->index,
                    vanished ? "ended" : "crashed", model::describe(row->exit), wait.count()),
        row->index);
  }
  for (const auto& deployment : plan.deployments)
    if (deployment.reason == model::DeploymentReason::failed)
      co_await parts_.log.write(deployment.app, "Deployment failed: " + deployment.error);
    else if (deployment.reason == model::DeploymentReason::deployed)
      co_await parts_.log.write(deployment.app, "Deployed: the new instances serve.");
}

void Reconciler::act(const plan::AppPlan& plan, const plan::AppView& view) {
  const AppGuid& app = view.app.guid;
  std::set<InstanceGuid> known;
  for (const InstanceGuid& guid : plan.start) begin(guid, app, start(guid, app));
  for (const InstanceGuid& guid : plan.remove) begin(guid, app, remove(guid, app));
  for (const InstanceGuid& guid : plan.stop)
    begin(guid, app, stop(guid, app, grace_of(view, guid)));
  // Sandboxes that no row knows: what a crash between two steps left.
  for (const auto& row : view.instances) known.insert(row.guid);
  for (const auto& row : plan.insert) known.insert(row.guid);
  for (const auto& [guid, one] : seen_)
    if (one.app == app && !known.contains(guid) && !acting_.contains(guid) &&
        !settling_.contains(guid))
      begin(guid, app, remove(guid, app));
  keep_watches(view);
}

void Reconciler::begin(const InstanceGuid& instance, const AppGuid& app, Task<void> action) {
  acting_.insert(instance);
  actions_.spawn(carry_out(instance, app, std::move(action)));
}

Task<void> Reconciler::carry_out(InstanceGuid instance, AppGuid app, Task<void> action) {
  std::string failure;
  try {
    co_await std::move(action);
  } catch (const std::exception& error) {
    failure = error.what();
  }
  if (!failure.empty()) {
    log_warn("an action on an instance failed", {{"instance", instance.str()}, {"error", failure}});
    (void)co_await async::sleep(kRetry);
  }
  acting_.erase(instance);
  settling_.emplace(instance, app);
  stale_ = true;
  something_.pulse();
}

// One of the few starts that are under way.
class Reconciler::Starting {
 public:
  explicit Starting(Reconciler& all) : all_(all) { ++all_.starting_; }
  ~Starting() {
    --all_.starting_;
    all_.start_ended_.pulse();
  }
  Starting(const Starting&) = delete;
  Starting& operator=(const Starting&) = delete;

 private:
  Reconciler& all_;
};

Task<void> Reconciler::start(InstanceGuid instance, AppGuid app) {
  while (starting_ >= kStartsAtOnce)
    if (auto waited = co_await start_ended_.wait(); !waited)
      throw error_of(waited.error(), "wait for other starts");
  const Starting here(*this);
  std::optional<model::InstanceExit> refusal;
  try {
    auto rows = co_await parts_.store.read(
        [instance](store::Reader& reader) { return load_spec(reader, instance); });
    if (!rows) co_return;  // stopped in the meantime
    co_await async::within(kEngineDeadline, parts_.engine.start(instance_spec(*rows)));
  } catch (const Error& error) {
    // What may pass by itself is tried again; the rest is the app's crash, told to its developer.
    if (error.code() == Code::unavailable || error.code() == Code::cancelled ||
        error.code() == Code::timeout)
      throw;
    refusal = {model::ExitReason::start_failed, 0, 0, error.message()};
  }
  if (refusal) refused_[instance] = {app, *refusal};
}

Task<void> Reconciler::stop(InstanceGuid instance, AppGuid app, Duration grace) {
  co_await parts_.routes.sync(kSyncLimit);
  co_await parts_.routes.drain(instance, kDrainLimit);
  co_await async::within(kEngineDeadline, parts_.engine.stop(instance, grace));
  auto gone = [](Reconciler& self, InstanceGuid guid) -> Task<IoResult<void>> {
    for (;;) {
      const auto it = self.seen_.find(guid);
      if (it == self.seen_.end() || it->second.exit) co_return IoResult<void>{};
      if (auto waited = co_await self.looked_.wait(); !waited) co_return waited;
    }
  };
  (void)co_await async::within(grace + kStopMargin, gone(*this, instance));
  co_await remove(instance, app);
}

Task<void> Reconciler::remove(InstanceGuid instance, AppGuid app) {
  co_await async::within(kEngineDeadline, parts_.engine.remove(instance));
  removed_[instance] = app;
}

void Reconciler::keep_watches(const plan::AppView& view) {
  for (const auto& row : view.instances) {
    const auto seen = seen_.find(row.guid);
    const bool live =
        seen != seen_.end() && !seen->second.exit && row.desired == model::InstanceDesire::run &&
        (row.state == model::InstanceState::starting || row.state == model::InstanceState::running);
    auto it = watches_.find(row.guid);
    if (live && it == watches_.end()) {
      const auto process = process_of(view, row);
      if (!process) continue;
      auto state = std::make_shared<Watch>();
      state->app = row.app;
      // It was well when the last server looked: three failures from now on make it unhealthy.
      if (row.state == model::InstanceState::running)
        state->history.verdict.health = plan::Verdict::Health::healthy;
      watches_.emplace(row.guid, state);
      actions_.spawn(watch(row.guid, row.app, process->health_check, state));
    } else if (!live && it != watches_.end()) {
      it->second->wanted = false;
      watches_.erase(it);
    }
  }
}

Task<void> Reconciler::watch(InstanceGuid instance, AppGuid app, model::HealthCheck check,
                             std::shared_ptr<Watch> state) {
  engine::Probe probe;
  probe.type = check.type;
  probe.port = kAppPort;
  probe.endpoint = check.endpoint.empty() ? "/" : check.endpoint;
  probe.timeout = std::chrono::seconds(
      check.invocation_timeout_s.value_or(model::kDefaultHealthInvocationTimeoutS));
  const Duration interval =
      std::chrono::seconds(check.interval_s.value_or(model::kDefaultHealthIntervalS));
  while (state->wanted) {
    const auto before = state->history.verdict;
    Duration wait = kRetry;
    try {
      auto result =
          co_await async::within(probe.timeout + 1s, parts_.engine.probe(instance, probe));
      state->history =
          plan::after_probe(state->history, result.healthy, result.detail, result.ports);
      wait = std::max<Duration>(plan::next_probe(state->history, interval), 5ms);
    } catch (const std::exception& error) {
      // The engine could not ask: nothing is known of the app. A later look tells whether it still
      // runs.
      state->history.verdict.detail = error.what();
    }
    const auto& verdict = state->history.verdict;
    if (verdict.health != before.health || verdict.ports != before.ports) mark(app);
    if (!co_await async::sleep(wait)) co_return;
  }
}

}  // namespace nuri::control

#include "plan/reconcile.h"

#include <algorithm>

#include "plan/backoff.h"

namespace nuri::plan {

using model::App;
using model::AppState;
using model::Deployment;
using model::DeploymentReason;
using model::DeploymentState;
using model::DeploymentStep;
using model::ExitReason;
using model::Instance;
using model::InstanceDesire;
using model::InstanceExit;
using model::InstanceState;
using model::Process;
using model::Strategy;

Duration start_limit(const model::HealthCheck& check) {
  return std::chrono::seconds(check.timeout_s.value_or(model::kDefaultHealthTimeoutS));
}

namespace {

class Reconciliation {
 public:
  Reconciliation(const AppView& view, const World& world, Random& random)
      : before_(view),
        world_(world),
        random_(random),
        app_(view.app),
        deployments_(view.deployments) {
    for (const Instance& row : view.instances) rows_.push_back({row, false, false});
  }

  AppPlan run() {
    settle_deployments();
    for (Row& row : rows_) observe(row);
    if (app_.state == AppState::stopped) {
      for (Row& row : rows_) ask_to_stop(row);
      let_go();
    } else {
      // Again after a switch, a roll-back or a row's end: what these allow is to begin at once.
      do {
        moved_ = false;
        fill_in();
        advance();
      } while (moved_);
    }
    for (Row& row : rows_) act(row);
    return collect();
  }

 private:
  struct Row {
    Instance value;
    bool inserted;
    bool erased;
  };

  bool busy(const Instance& i) const { return world_.busy.contains(i.guid); }
  bool removed(const Instance& i) const { return world_.removed.contains(i.guid); }
  const Sighting* sighting(const Instance& i) const {
    const auto it = world_.sandboxes.find(i.guid);
    return it == world_.sandboxes.end() ? nullptr : &it->second;
  }
  const Process* process_of(const Instance& i) const {
    for (const Process& process : before_.processes)
      if (process.guid == i.process) return &process;
    return nullptr;
  }
  void look_at(WallTime when) {
    if (!plan_.next_look || when < *plan_.next_look) plan_.next_look = when;
  }
  void enter(Instance& i, InstanceState state) {
    if (i.state == state) return;
    i.state = state;
    i.since = world_.now;
  }

  // The newest ACTIVE deployment is the one; older ones gave way to it, and all give way to a stop.
  void settle_deployments() {
    for (Deployment& d : deployments_)
      if (d.state == DeploymentState::active &&
          (!active_ || deployments_[*active_].created_at <= d.created_at))
        active_ = static_cast<std::size_t>(&d - deployments_.data());
    for (std::size_t n = 0; n < deployments_.size(); ++n) {
      Deployment& d = deployments_[n];
      if (d.state != DeploymentState::active) continue;
      if (app_.state == AppState::stopped)
        finalize(d, DeploymentReason::canceled, "the app was stopped");
      else if (n != *active_)
        finalize(d, DeploymentReason::superseded, "a newer deployment took its place");
      else if (d.reason == DeploymentReason::canceling)
        roll_back(d, DeploymentReason::canceled, "cancelled");
    }
    if (active_ && deployments_[*active_].state != DeploymentState::active) active_.reset();
  }

  void finalize(Deployment& d, DeploymentReason reason, std::string why) {
    d.state = DeploymentState::finalized;
    d.reason = reason;
    d.step = DeploymentStep::done;
    if (reason != DeploymentReason::deployed) d.error = std::move(why);
    d.last_status_change = world_.now;
  }

  // What serves goes on, and is what the next start runs, too.
  void roll_back(Deployment& d, DeploymentReason reason, std::string why) {
    finalize(d, reason, std::move(why));
    if (serves(d.guid) || app_.current_droplet != d.droplet) return;
    for (const Deployment& current : deployments_)
      if (serves(current.guid) && current.droplet) app_.current_droplet = current.droplet;
  }

  // Brings a row up to what is seen of its sandbox.
  void observe(Row& row) {
    Instance& i = row.value;
    if (i.desired == InstanceDesire::stop || busy(i)) return;
    if (i.state != InstanceState::starting && i.state != InstanceState::running) return;
    const Sighting* seen = sighting(i);
    if (seen && seen->exit) return crash(i, *seen->exit);
    if (const auto refused = world_.refused.find(i.guid); refused != world_.refused.end())
      return crash(i, refused->second);
    if (!seen) {
      if (i.started_at || i.state == InstanceState::running) vanish(i);
      return;
    }
    if (!i.started_at) i.started_at = world_.now;
    observe_health(i);
  }

  void observe_health(Instance& i) {
    const auto it = world_.health.find(i.guid);
    const Verdict verdict = it == world_.health.end() ? Verdict{} : it->second;
    if (!verdict.ports.empty()) i.ports = verdict.ports;
    if (verdict.health == Verdict::Health::healthy) {
      if (!i.healthy_at) i.healthy_at = world_.now;
      enter(i, InstanceState::running);
      return;
    }
    if (i.state == InstanceState::running) {
      if (verdict.health == Verdict::Health::unhealthy)
        crash(i, {ExitReason::unhealthy, 0, 0, verdict.detail});
      return;
    }
    const Process* process = process_of(i);
    const WallTime limit =
        *i.started_at + start_limit(process ? process->health_check : model::HealthCheck{});
    if (world_.now >= limit)
      crash(i, {ExitReason::start_timeout, 0, 0, verdict.detail});
    else
      look_at(limit);
  }

  void crash(Instance& i, InstanceExit exit) {
    const bool was_well = i.healthy_at && world_.now - *i.healthy_at >= kHealthySpell;
    i.crash_count = was_well ? 1 : i.crash_count + 1;
    i.exit = std::move(exit);
    i.routable = false;
    i.next_start_at = world_.now + backoff(i.crash_count);
    enter(i, InstanceState::crashed);
  }

  // No fault of the app's: it is started again at once, unless it had only just been.
  void vanish(Instance& i) {
    i.exit = {ExitReason::vanished, 0, 0, ""};
    i.routable = false;
    const WallTime soonest = i.started_at.value_or(world_.now) + kFirstBackoff;
    i.next_start_at = std::max(world_.now, soonest);
    enter(i, InstanceState::crashed);
  }

  void ask_to_stop(Row& row) {
    Instance& i = row.value;
    if (i.desired == InstanceDesire::stop) return;
    i.desired = InstanceDesire::stop;
    i.routable = false;
    moved_ = true;
    enter(i, InstanceState::stopping);
  }

  const Deployment* active() const { return active_ ? &deployments_[*active_] : nullptr; }
  bool serves(const DeploymentGuid& guid) const { return guid && guid == app_.current_deployment; }

  // Every instance that should be has a row; every row that should not is asked to stop.
  void fill_in() {
    const Deployment* next = active();
    const bool recreate = next && next->strategy == Strategy::recreate;
    // Nothing is there that must go on serving (or go first): the new version is the current one at
    // once.
    if (next && !serves(next->guid) &&
        (recreate ? !others_than(next->guid) : !wanted_of(app_.current_deployment)))
      make_current(*next);
    const bool next_waits = next && waits(*next);
    for (Row& row : rows_) {
      Instance& i = row.value;
      const bool keeps =
          (serves(i.deployment) && !next_waits) || (next && i.deployment == next->guid);
      const Process* process = process_of(i);
      if (!keeps || !process || i.index >= process->instances) ask_to_stop(row);
    }
    let_go();
    if (next_waits) return;
    if (app_.current_deployment) insert_missing(app_.current_deployment);
    if (next && !serves(next->guid)) insert_missing(next->guid);
  }

  // The end of rows that are to stop and whose sandbox is gone, or was never asked for.
  void let_go() {
    for (Row& row : rows_) {
      const Instance& i = row.value;
      if (i.desired != InstanceDesire::stop) continue;
      if (row.erased || !(row.inserted || (!busy(i) && !sighting(i) && removed(i)))) continue;
      row.erased = moved_ = true;
    }
  }

  bool others_than(const DeploymentGuid& guid) const {
    return std::any_of(rows_.begin(), rows_.end(),
                       [&](const Row& row) { return !row.erased && row.value.deployment != guid; });
  }

  // It stops all before it starts anything, and that is not over yet. (With no instances wanted it
  // would be healthy at once, and those of a later scale would start beside the old ones.)
  bool waits(const Deployment& d) const {
    return d.strategy == Strategy::recreate && !serves(d.guid);
  }

  bool wanted_of(const DeploymentGuid& guid) const {
    return guid && std::any_of(rows_.begin(), rows_.end(), [&](const Row& row) {
             return row.value.deployment == guid && row.value.desired == InstanceDesire::run;
           });
  }

  void make_current(const Deployment& d) {
    app_.current_deployment = d.guid;
    app_.current_revision = d.revision;
    moved_ = true;
  }

  void insert_missing(const DeploymentGuid& deployment) {
    for (const Process& process : before_.processes) {
      for (int index = 0; index < process.instances; ++index) {
        const bool there = std::any_of(rows_.begin(), rows_.end(), [&](const Row& row) {
          return !row.erased && row.value.deployment == deployment &&
                 row.value.process == process.guid && row.value.index == index;
        });
        // A row that is still stopping keeps its place until its sandbox is gone.
        if (!there) insert(deployment, process.guid, index, 0);
      }
    }
  }

  void insert(const DeploymentGuid& deployment, const ProcessGuid& process, int index,
              int crashes) {
    Instance i;
    i.guid = InstanceGuid::make(random_);
    i.app = app_.guid;
    i.process = process;
    i.deployment = deployment;
    i.index = index;
    i.state = InstanceState::starting;
    i.crash_count = crashes;
    i.since = i.created_at = i.updated_at = world_.now;
    rows_.push_back({std::move(i), true, false});
  }

  // Moves the active deployment on, and says who gets requests.
  void advance() {
    if (active_) {
      Deployment& d = deployments_[*active_];
      if (d.step == DeploymentStep::queued) d.step = DeploymentStep::starting;
      if (const Instance* culprit = failed_instance(d.guid))
        roll_back(d, DeploymentReason::failed, failure_text(*culprit));
      else if (!waits(d) && all_healthy(d.guid))
        finish(d);
      if (d.state != DeploymentState::active) {
        active_.reset();
        moved_ = true;
      }
    }
    for (Row& row : rows_) {
      Instance& i = row.value;
      i.routable = serves(i.deployment) && i.desired == InstanceDesire::run &&
                   i.state == InstanceState::running;
    }
  }

  void finish(Deployment& d) {
    make_current(d);
    finalize(d, DeploymentReason::deployed, {});
  }

  bool all_healthy(const DeploymentGuid& guid) const {
    for (const Process& process : before_.processes) {
      const auto healthy = std::count_if(rows_.begin(), rows_.end(), [&](const Row& row) {
        return row.value.deployment == guid && row.value.process == process.guid &&
               row.value.desired == InstanceDesire::run &&
               row.value.state == InstanceState::running;
      });
      if (healthy < process.instances) return false;
    }
    return true;
  }

  const Instance* failed_instance(const DeploymentGuid& guid) const {
    for (const Row& row : rows_) {
      const Instance& i = row.value;
      if (i.deployment != guid || i.state != InstanceState::crashed) continue;
      const bool hopeless = i.exit.reason == ExitReason::start_timeout;
      if (hopeless || i.crash_count >= kCrashesToFail) return &i;
    }
    return nullptr;
  }

  static std::string failure_text(const Instance& i) {
    return "instance " + std::to_string(i.index) + ": " + model::describe(i.exit);
  }

  // The engine's part for a row.
  void act(Row& row) {
    Instance& i = row.value;
    if (row.erased || busy(i)) return;
    const Sighting* seen = sighting(i);
    if (i.desired == InstanceDesire::stop) {
      if (seen && !seen->exit)
        plan_.stop.push_back(i.guid);
      else
        plan_.remove.push_back(i.guid);
      return;
    }
    if (i.state == InstanceState::starting && !seen) plan_.start.push_back(i.guid);
    if (i.state != InstanceState::crashed) return;
    if (seen || !removed(i)) {
      plan_.remove.push_back(i.guid);
    } else if (world_.now >= *i.next_start_at) {
      row.erased = true;
      replace_.push_back(i);
    } else {
      look_at(*i.next_start_at);
    }
  }

  AppPlan collect() {
    for (const Instance& old : replace_) {
      insert(old.deployment, old.process, old.index, old.crash_count);
      rows_.back().value.exit = old.exit;  // why there was a restart, until it is known better
      plan_.start.push_back(rows_.back().value.guid);
    }
    for (Row& row : rows_) {
      if (row.erased) {
        if (!row.inserted) plan_.erase.push_back(row.value.guid);
      } else if (row.inserted) {
        plan_.insert.push_back(row.value);
      } else if (const Instance& old = before(row.value.guid); !(row.value == old)) {
        row.value.updated_at = world_.now;
        plan_.update.push_back(row.value);
      }
    }
    for (std::size_t n = 0; n < deployments_.size(); ++n)
      if (!(deployments_[n] == before_.deployments[n])) {
        deployments_[n].updated_at = world_.now;
        plan_.deployments.push_back(deployments_[n]);
      }
    if (!(app_ == before_.app)) plan_.app = app_;
    return std::move(plan_);
  }

  const Instance& before(const InstanceGuid& guid) const {
    return *std::find_if(before_.instances.begin(), before_.instances.end(),
                         [&](const Instance& i) { return i.guid == guid; });
  }

  const AppView& before_;
  const World& world_;
  Random& random_;
  App app_;
  std::vector<Deployment> deployments_;
  std::vector<Row> rows_;
  std::vector<Instance> replace_;
  std::optional<std::size_t> active_;
  bool moved_ = false;
  AppPlan plan_;
};

}  // namespace

AppPlan reconcile(const AppView& view, const World& world, Random& random) {
  return Reconciliation(view, world, random).run();
}

}  // namespace nuri::plan

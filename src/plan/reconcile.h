#pragma once

// What to do for one app now: from what is wanted (rows) and what is there (sandboxes, health), the
// rows to write and then the engine's actions. Pure: no I/O, no state; the same input gives the
// same plan.
//
// How it is safe: a row is written before its action, an instance's row goes only when its sandbox
// is gone for good, and a replacement is a new row in the place of the old one. So no two sandboxes
// ever run with one index of one deployment, and whatever is cut off is seen and taken up by the
// next plan.

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "model/app.h"
#include "model/instance.h"
#include "model/release.h"

namespace nuri::plan {

// An app's rows. `instances` holds all of them, `deployments` the ACTIVE ones and the current one.
struct AppView {
  model::App app;
  std::vector<model::Process> processes;
  std::vector<model::Deployment> deployments;
  std::vector<model::Instance> instances;
  friend bool operator==(const AppView&, const AppView&) = default;
};

// A sandbox of the app as the engine sees it; `exit` is set when it has ended.
struct Sighting {
  std::optional<model::InstanceExit> exit;
};

// What the health checks of an instance say.
struct Verdict {
  enum class Health { unknown, healthy, unhealthy } health = Health::unknown;
  std::string detail;      // why not healthy, for the user
  std::vector<int> ports;  // that it listens on
};

struct World {
  std::map<InstanceGuid, Sighting> sandboxes;
  std::map<InstanceGuid, Verdict> health;
  // Starts that the engine refused.
  std::map<InstanceGuid, model::InstanceExit> refused;
  // An action for it is under way, or ended after `sandboxes` was seen: nothing may be concluded
  // from it.
  std::set<InstanceGuid> busy;
  // The engine has confirmed that it removed them. One that is merely not seen may still come: its
  // start may be on the way, sent by a server that died since.
  std::set<InstanceGuid> removed;
  WallTime now;
};

struct AppPlan {
  // Rows, written in one transaction, before any action.
  std::vector<InstanceGuid> erase;
  std::vector<model::Instance> insert;
  std::vector<model::Instance> update;
  std::vector<model::Deployment> deployments;  // changed ones
  std::optional<model::App> app;               // if changed

  // Actions, each for an instance that is not busy.
  std::vector<InstanceGuid> start;
  std::vector<InstanceGuid> stop;    // out of rotation, drain, SIGTERM, grace, SIGKILL
  std::vector<InstanceGuid> remove;  // kill what runs, sweep

  // When to look again even if nothing changes.
  std::optional<WallTime> next_look;

  bool writes() const {
    return !erase.empty() || !insert.empty() || !update.empty() || !deployments.empty() ||
           app.has_value();
  }
};

// Crashes in a row, before it was ever healthy, that make a deployment fail.
inline constexpr int kCrashesToFail = 3;

AppPlan reconcile(const AppView& view, const World& world, Random& random);

// The start-up limit of a check.
Duration start_limit(const model::HealthCheck& check);

}  // namespace nuri::plan

#pragma once

// What was deployed together (revision), and one change rolling out (deployment).

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "model/app.h"
#include "model/guids.h"

namespace nuri::model {

// Immutable once made, but for deployable and metadata.
struct Revision {
  RevisionGuid guid;
  AppGuid app;
  int version = 1;      // 1, 2, 3 … within the app
  DropletGuid droplet;  // empty: its droplet is gone
  Env env;
  std::vector<ProcessSettings> processes;
  std::string description;
  bool deployable = true;
  Metadata metadata;
  WallTime created_at, updated_at;
  friend bool operator==(const Revision&, const Revision&) = default;
  static constexpr auto fields() {
    return std::tuple{field("guid", &Revision::guid),
                      field("app_guid", &Revision::app),
                      field("version", &Revision::version),
                      field("droplet_guid", &Revision::droplet),
                      field("env", &Revision::env),
                      field("processes", &Revision::processes),
                      field("description", &Revision::description),
                      field("deployable", &Revision::deployable),
                      field("metadata", &Revision::metadata),
                      field("created_at", &Revision::created_at),
                      field("updated_at", &Revision::updated_at)};
  }
};

// recreate: stop all, then start (cf stop + cf start).
enum class Strategy { rolling, canary, recreate };
constexpr auto enum_names(Strategy) {
  return std::array<std::string_view, 3>{"rolling", "canary", "recreate"};
}
enum class DeploymentState { active, finalized };
constexpr auto enum_names(DeploymentState) {
  return std::array<std::string_view, 2>{"ACTIVE", "FINALIZED"};
}
// failed is Nuri's own: the new version did not get healthy and was rolled back.
enum class DeploymentReason {
  deploying,
  paused,
  deployed,
  canceling,
  canceled,
  superseded,
  failed
};
constexpr auto enum_names(DeploymentReason) {
  return std::array<std::string_view, 7>{"DEPLOYING", "PAUSED",     "DEPLOYED", "CANCELING",
                                         "CANCELED",  "SUPERSEDED", "FAILED"};
}
// Where an ACTIVE deployment is; each is a row before it is an action. Rolling: starting (new
// instances beside the old) → switching (routes move) → draining (old ones finish requests) →
// stopping → done. Cancelling or failing goes to rolling_back → done.
enum class DeploymentStep { queued, starting, switching, draining, stopping, rolling_back, done };
constexpr auto enum_names(DeploymentStep) {
  return std::array<std::string_view, 7>{"queued",   "starting",     "switching", "draining",
                                         "stopping", "rolling_back", "done"};
}

struct DeploymentOptions {
  int max_in_flight = 1;
  std::vector<int> canary_weights;  // per cent, rising
  friend bool operator==(const DeploymentOptions&, const DeploymentOptions&) = default;
  static constexpr auto fields() {
    return std::tuple{field("max_in_flight", &DeploymentOptions::max_in_flight),
                      field("canary_weights", &DeploymentOptions::canary_weights)};
  }
};

struct Deployment {
  DeploymentGuid guid;
  AppGuid app;
  RevisionGuid revision;
  DropletGuid droplet;
  DropletGuid previous_droplet;
  DeploymentGuid previous;  // whose instances serve until the switch; empty: none
  Strategy strategy = Strategy::rolling;
  DeploymentState state = DeploymentState::active;
  DeploymentReason reason = DeploymentReason::deploying;
  DeploymentStep step = DeploymentStep::queued;
  int canary_step = 0;
  DeploymentOptions options;
  std::string error;  // why it failed or was cancelled, for the user
  WallTime last_status_change;
  Metadata metadata;
  WallTime created_at, updated_at;
  friend bool operator==(const Deployment&, const Deployment&) = default;
  static constexpr auto fields() {
    return std::tuple{field("guid", &Deployment::guid),
                      field("app_guid", &Deployment::app),
                      field("revision_guid", &Deployment::revision),
                      field("droplet_guid", &Deployment::droplet),
                      field("previous_droplet_guid", &Deployment::previous_droplet),
                      field("previous_guid", &Deployment::previous),
                      field("strategy", &Deployment::strategy),
                      field("state", &Deployment::state),
                      field("reason", &Deployment::reason),
                      field("step", &Deployment::step),
                      field("canary_step", &Deployment::canary_step),
                      field("options", &Deployment::options),
                      field("error", &Deployment::error),
                      field("last_status_change", &Deployment::last_status_change),
                      field("metadata", &Deployment::metadata),
                      field("created_at", &Deployment::created_at),
                      field("updated_at", &Deployment::updated_at)};
  }
};

void validate(const DeploymentOptions& options);

}  // namespace nuri::model

#pragma once

// An app, and its processes: what the user wants to run.

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "model/guids.h"
#include "model/metadata.h"

namespace nuri::model {

enum class AppState { stopped, started };
constexpr auto enum_names(AppState) {
  return std::array<std::string_view, 2>{"STOPPED", "STARTED"};
}

enum class LifecycleType { buildpack, docker };
constexpr auto enum_names(LifecycleType) {
  return std::array<std::string_view, 2>{"buildpack", "docker"};
}

// How an app's (or one build's) droplet is made.
struct Lifecycle {
  LifecycleType type = LifecycleType::buildpack;
  std::vector<std::string> buildpacks;  // empty: detect
  std::string stack;                    // empty: the platform's
  friend bool operator==(const Lifecycle&, const Lifecycle&) = default;
  static constexpr auto fields() {
    return std::tuple{field("type", &Lifecycle::type), field("buildpacks", &Lifecycle::buildpacks),
                      field("stack", &Lifecycle::stack)};
  }
};

struct App {
  AppGuid guid;
  std::string name;
  SpaceGuid space;
  AppState state = AppState::stopped;  // desired
  Lifecycle lifecycle;
  Env env;
  DropletGuid current_droplet;        // what the next start runs; empty before the first build
  RevisionGuid current_revision;      // what the last finished deployment runs
  DeploymentGuid current_deployment;  // whose instances serve; empty when never started
  bool revisions_enabled = true;
  Metadata metadata;
  WallTime created_at, updated_at;
  friend bool operator==(const App&, const App&) = default;
  static constexpr auto fields() {
    return std::tuple{field("guid", &App::guid),
                      field("name", &App::name),
                      field("space_guid", &App::space),
                      field("state", &App::state),
                      field("lifecycle", &App::lifecycle),
                      field("env", &App::env),
                      field("current_droplet_guid", &App::current_droplet),
                      field("current_revision_guid", &App::current_revision),
                      field("current_deployment_guid", &App::current_deployment),
                      field("revisions_enabled", &App::revisions_enabled),
                      field("metadata", &App::metadata),
                      field("created_at", &App::created_at),
                      field("updated_at", &App::updated_at)};
  }
};

enum class HealthCheckType { port, http, process };
constexpr auto enum_names(HealthCheckType) {
  return std::array<std::string_view, 3>{"port", "http", "process"};
}

// Liveness while starting (until `timeout_s`, the start-up limit) and while running. As a readiness
// check, `process` means none and `timeout_s` is not used. Nullopt: the platform's default.
struct HealthCheck {
  HealthCheckType type = HealthCheckType::port;
  std::string endpoint;  // http only: the path; empty means "/"
  std::optional<int> interval_s;
  std::optional<int> invocation_timeout_s;
  std::optional<int> timeout_s;
  friend bool operator==(const HealthCheck&, const HealthCheck&) = default;
  static constexpr auto fields() {
    return std::tuple{field("type", &HealthCheck::type), field("endpoint", &HealthCheck::endpoint),
                      field("interval_s", &HealthCheck::interval_s),
                      field("invocation_timeout_s", &HealthCheck::invocation_timeout_s),
                      field("timeout_s", &HealthCheck::timeout_s)};
  }
};

inline constexpr int kDefaultMemoryMb = 256;
inline constexpr int kDefaultDiskMb = 1024;
inline constexpr int kDefaultHealthIntervalS = 10;
inline constexpr int kDefaultHealthInvocationTimeoutS = 1;
inline constexpr int kDefaultHealthTimeoutS = 60;
inline constexpr int kDefaultStopGraceS = 10;

// What one process type runs with. A revision keeps a copy of it.
struct ProcessSettings {
  std::string type = "web";
  std::optional<std::string> command;  // nullopt: the droplet's command for this type
  int instances = 1;
  int memory_mb = kDefaultMemoryMb;
  int disk_mb = kDefaultDiskMb;
  std::int64_t log_rate_limit_bytes = -1;  // a second; -1: the platform's
  HealthCheck health_check;
  HealthCheck readiness_check{HealthCheckType::process, {}, {}, {}, {}};
  int stop_grace_s = kDefaultStopGraceS;  // from SIGTERM to SIGKILL
  friend bool operator==(const ProcessSettings&, const ProcessSettings&) = default;
  static constexpr auto fields() {
    return std::tuple{field("type", &ProcessSettings::type),
                      field("command", &ProcessSettings::command),
                      field("instances", &ProcessSettings::instances),
                      field("memory_mb", &ProcessSettings::memory_mb),
                      field("disk_mb", &ProcessSettings::disk_mb),
                      field("log_rate_limit_bytes", &ProcessSettings::log_rate_limit_bytes),
                      field("health_check", &ProcessSettings::health_check),
                      field("readiness_check", &ProcessSettings::readiness_check),
                      field("stop_grace_s", &ProcessSettings::stop_grace_s)};
  }
};

// One process type of an app. `version` goes up with every change that needs new instances.
struct Process : ProcessSettings {
  ProcessGuid guid;
  AppGuid app;
  int version = 1;
  Metadata metadata;
  WallTime created_at, updated_at;
  friend bool operator==(const Process&, const Process&) = default;
  static constexpr auto fields() {
    return std::tuple_cat(
        std::tuple{field("guid", &Process::guid), field("app_guid", &Process::app),
                   field("version", &Process::version), field("metadata", &Process::metadata),
                   field("created_at", &Process::created_at),
                   field("updated_at", &Process::updated_at)},
        ProcessSettings::fields());
  }
};

// Throw Error{unprocessable} with Cloud Foundry's wording.
void validate(const App& app);
void validate(const HealthCheck& check);
void validate(const ProcessSettings& settings);
// A name for anything a user names: not empty, at most limits::kNameBytes, UTF-8, no control
// characters. `what` begins the message: "Name must not be blank".
void validate_name(std::string_view what, std::string_view name);

}  // namespace nuri::model

#pragma once

// One sandbox of a process, as wanted and as observed.

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "model/guids.h"
#include "model/metadata.h"

namespace nuri::model {

enum class InstanceDesire { run, stop };
constexpr auto enum_names(InstanceDesire) { return std::array<std::string_view, 2>{"run", "stop"}; }
enum class InstanceState { starting, running, crashed, stopping, down };
constexpr auto enum_names(InstanceState) {
  return std::array<std::string_view, 5>{"STARTING", "RUNNING", "CRASHED", "STOPPING", "DOWN"};
}

enum class ExitReason {
  none,           // it did not end
  exited,         // by itself, `code`
  signaled,       // by `signal`, not the platform's
  out_of_memory,  // the kernel killed it over its memory limit
  stopped,        // the platform asked
  unhealthy,      // the health check failed after it had been healthy
  start_timeout,  // never healthy within its start-up limit
  start_failed,   // no sandbox could be made: `message`
  lost,           // its shim was killed
  vanished,       // with all trace: the machine, or Nuri on it, was started anew
};
constexpr auto enum_names(ExitReason) {
  return std::array<std::string_view, 10>{"none",    "exited",    "signaled",      "out_of_memory",
                                          "stopped", "unhealthy", "start_timeout", "start_failed",
                                          "lost",    "vanished"};
}

struct InstanceExit {
  ExitReason reason = ExitReason::none;
  int code = 0;
  int signal = 0;
  std::string message;  // for the user
  friend bool operator==(const InstanceExit&, const InstanceExit&) = default;
  static constexpr auto fields() {
    return std::tuple{field("reason", &InstanceExit::reason), field("code", &InstanceExit::code),
                      field("signal", &InstanceExit::signal),
                      field("message", &InstanceExit::message)};
  }
};

// The store keeps one row per (deployment, process, index): whoever replaces an instance erases the
// old row and inserts the new one in one transaction, carrying crash_count over.
struct Instance {
  InstanceGuid guid;  // also names its sandbox
  AppGuid app;
  ProcessGuid process;
  DeploymentGuid deployment;
  int index = 0;
  InstanceDesire desired = InstanceDesire::run;
  InstanceState state = InstanceState::down;
  InstanceExit exit;
  bool routable = false;                  // ready: the router may send requests
  std::vector<int> ports;                 // that the app was seen to listen on
  int crash_count = 0;                    // since the last healthy spell
  std::optional<WallTime> next_start_at;  // CRASHED: not before
  std::optional<WallTime> started_at;     // when the sandbox was asked for
  std::optional<WallTime> healthy_at;     // since when healthy without a break
  WallTime since;                         // of `state`
  WallTime created_at, updated_at;
  friend bool operator==(const Instance&, const Instance&) = default;
  static constexpr auto fields() {
    return std::tuple{field("guid", &Instance::guid),
                      field("app_guid", &Instance::app),
                      field("process_guid", &Instance::process),
                      field("deployment_guid", &Instance::deployment),
                      field("idx", &Instance::index),
                      field("desired", &Instance::desired),
                      field("state", &Instance::state),
                      field("exit", &Instance::exit),
                      field("routable", &Instance::routable),
                      field("ports", &Instance::ports),
                      field("crash_count", &Instance::crash_count),
                      field("next_start_at", &Instance::next_start_at),
                      field("started_at", &Instance::started_at),
                      field("healthy_at", &Instance::healthy_at),
                      field("since", &Instance::since),
                      field("created_at", &Instance::created_at),
                      field("updated_at", &Instance::updated_at)};
  }
};

// For a person: "Exited with status 1", "Killed: out of memory", ….
std::string describe(const InstanceExit& exit);

}  // namespace nuri::model

#pragma once

// `nuri host`: its options and entry points. Each returns an exit code and prints errors for a
// person.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "host/host_settings.h"

namespace nuri::host {

// As given on the command line; empty or nullopt: the default.
struct HostOptions {
  std::string realm = "nuri";
  std::string state_dir, run_dir;
  std::string subnet;  // "10.7.0.0/16"
  std::optional<std::uint32_t> uid_base;
  std::optional<std::uint32_t> server_uid;  // who may ask, beside root; default: user nuri
  std::string shim_program;                 // default: nuri-shim beside this program
  std::string lifecycle_dir, buildpacks_dir;
  std::optional<std::uint64_t> disk_reserve_bytes, cache_bytes;
  std::optional<std::uint32_t> promise_percent;
  std::optional<std::uint64_t> builds_memory_bytes;
};

// Throws Error for options that cannot be.
HostSettings settings_of(const HostOptions& options);

// Serves until SIGTERM or SIGINT; instances run on.
int host_main(const HostOptions& options);
int host_main(const HostSettings& settings);
// Ends and removes everything of the realm but its data: instances, control groups, network, run
// files. The host must not run.
int host_sweep_main(const HostOptions& options);
int host_sweep_main(const HostSettings& settings);

// What this machine has of what the host needs.
struct Finding {
  enum class Level { good, weak, missing } level = Level::good;
  std::string subject;  // "control groups"
  std::string detail;   // what there is, or what is missing and what to do
};
std::vector<Finding> examine_machine(const HostSettings& settings);

}  // namespace nuri::host

#pragma once

// The OCI runtime configuration (config.json) of one sandbox: docs/formats/shim.md says what the
// shim relies on. Pure.

#include <cstdint>
#include <string>

#include "base/json.h"

namespace nuri::host {

struct SandboxShape {
  std::string root;  // absolute: where the shim mounts the root file system
  std::string hostname;
  std::string cgroups_path;  // "/nuri-R/app/GUID"
  std::uint32_t ids_base = 0;
  std::uint32_t ids_count = 0;
  std::uint64_t shm_bytes = 0;
  int cgroup_version = 1;
  // Version 1: directories of the instance's own groups, shown read-only, so that runtimes which
  // size themselves by their limits (Java, Node) find them.
  std::string memory_cgroup, cpu_cgroup, cpuacct_cgroup;
};

json::object oci_config(const SandboxShape& shape);

}  // namespace nuri::host

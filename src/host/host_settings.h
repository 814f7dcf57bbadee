#pragma once

// What the host is started with.

#include <cstdint>
#include <string>
#include <vector>

#include "host/disk.h"
#include "host/realm.h"

namespace nuri::host {

// Users and groups of the machine that Nuri's processes run as.
struct HostUsers {
  std::uint32_t server_uid = 0, server_gid = 0;
  std::uint32_t router_uid = 0, router_gid = 0;
  std::uint32_t shim_uid = 0, shim_gid = 0;
  std::uint32_t logs_gid = 0;
};

// nuri, nuri-router, nuri-shim and the group nuri-logs. Throws Error naming those that are missing.
HostUsers find_users();

struct HostSettings {
  RealmSettings realm;
  HostUsers users;
  DiskSettings disk;
  std::string shim_program;                       // nuri-shim
  std::string unpack_program = "/proc/self/exe";  // has the sub-command host-unpack
  std::string crun_program = "/usr/bin/crun";
  std::string lifecycle_dir;   // holds nuri-lifecycle; empty: builds cannot have it
  std::string buildpacks_dir;  // the built-in buildpacks
  // All builds together, beside the limits of each: 0 = half of the machine's memory.
  std::uint64_t builds_memory_bytes = 0;
  std::uint32_t builds_cpu_weight = 20;  // apps of the realm together have 1000
};

}  // namespace nuri::host

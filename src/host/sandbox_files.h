#pragma once

// What the host writes for the shim: shim.spec and bundle/config.json (docs/formats/shim.md). Pure:
// the caller writes the texts.

#include <string>
#include <vector>

#include "engine/host_protocol.h"
#include "host/cgroup.h"
#include "host/host_settings.h"
#include "host/shim/spec.h"

namespace nuri::host {

// Everything about an instance that is not in the request.
struct SandboxPlace {
  std::uint32_t slot = 0;
  std::string dir;     // RUN/i/GUID
  std::string cgroup;  // "nuri-R/app/GUID"
  CgroupDirs cgroup_dirs;
  std::string disk_image;
  std::string cache_image;  // empty: none
  std::string log_dir;
  std::vector<std::string> layer_paths;  // base first, as in the request
};

// Throws Error{unprocessable | too_large} for what the shim would refuse.
std::string shim_spec_text(const StartInstance& request, const SandboxPlace& place,
                           const Realm& realm, const HostSettings& settings);
std::string config_text(const StartInstance& request, const SandboxPlace& place,
                        const Realm& realm);

}  // namespace nuri::host

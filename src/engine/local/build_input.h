#pragma once

// build.json: what the lifecycle in the sandbox is told (docs/formats/build.md). Pure.

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/engine.h"
#include "image/oci.h"

namespace nuri::engine::local {

std::string build_json(const BuildSpec& spec, const image::oci::Image& run_image,
                       const std::optional<image::oci::Image>& previous,
                       const std::vector<std::pair<std::string, std::string>>& platform_env);

// Why a build ended with this exit code, for the user; the codes are nuri-lifecycle's.
std::string failure_of_exit(int code);

}  // namespace nuri::engine::local

#pragma once

// The app directory as layers: one for each slice that matches something, then one for the rest.

#include <filesystem>
#include <string>
#include <vector>

#include "build/lifecycle/layer_pack.h"

namespace nuri::lifecycle {

// Whether `path` (relative) or a directory above it matches one of `globs`: shell patterns in which
// '*' does not cross '/', relative to the app or absolute inside `workspace`.
bool matches(const std::string& path, const std::vector<std::string>& globs,
             const std::filesystem::path& workspace);

// The last pack always holds the workspace directory itself.
std::vector<LayerPack> app_layers(const std::filesystem::path& workspace,
                                  const std::vector<std::vector<std::string>>& slices);

}  // namespace nuri::lifecycle

#pragma once

#include <filesystem>

namespace nuri::lifecycle {

// Where a build works. In the sandbox these are the defaults; tests set others. Paths inside the
// image are always /workspace, /layers and /cnb.
struct Places {
  std::filesystem::path workspace = "/workspace";
  std::filesystem::path layers = "/layers";
  std::filesystem::path platform = "/tmp/nuri-platform";
  std::filesystem::path cache = "/cache";  // empty: none
  std::filesystem::path buildpacks = "/nuri/buildpacks";
  std::filesystem::path launcher = "/nuri/bin/nuri-launch";
  std::filesystem::path scratch = "/tmp/nuri-build";  // layers on their way out
};

}  // namespace nuri::lifecycle

#pragma once

// For tests: reads the tar that a build hands over, as the server would, and checks its digests.

#include <string>
#include <vector>

#include "base/json.h"
#include "build/lifecycle/tree.h"

namespace nuri::lifecycle {

struct TestImage {
  std::string manifest_digest;
  std::string config_text;
  json::object config;
  json::object manifest;
  std::size_t new_layers = 0;
  std::vector<std::string> paths;  // of all entries of new layers

  // Throws Error when a blob's digest is wrong or index.json is not last.
  static TestImage read(const fs::path& layout);

  std::vector<std::string> diff_ids() const;
  std::string label(std::string_view name) const;
  std::vector<std::string> entrypoint() const;
  std::vector<std::string> env() const;
  const std::vector<std::string>& new_layer_paths() const { return paths; }
  std::string layer_sha(std::string_view buildpack, std::string_view layer) const;
  // What build.json says of it as the previous image.
  json::object request() const;
};

}  // namespace nuri::lifecycle

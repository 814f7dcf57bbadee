#pragma once

// What the server asks for: build.json, the first file of the build's input
// (docs/formats/build.md).

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "build/lifecycle/environment.h"

namespace nuri::lifecycle {

// An image as far as a build needs it: its configuration and the descriptors of its layers, in the
// order of the configuration's rootfs.diff_ids.
struct ImageParts {
  std::string reference;
  json::object config;
  std::vector<json::object> layers;

  std::vector<std::string> diff_ids() const;
  // The label's value, or empty.
  std::string label(std::string_view name) const;
  // The descriptor of the layer with that diff id; null when the image has none.
  const json::object* layer(std::string_view diff_id) const;
};

struct BuildRequest {
  std::string app_name;
  std::string app_guid;
  std::vector<std::string> buildpacks;  // asked for by the user; empty: detect
  Environment env;                      // the app's own
  Environment platform_env;             // the operator's proxies and mirrors; never in the image
  json::object project;                 // becomes io.buildpacks.project.metadata
  ImageParts run_image;
  ImageParts previous_image;  // no layers when there is none
};

// Throws Error{unprocessable} naming the key, bad_request for what is not JSON.
BuildRequest parse_build_request(std::string_view text);

}  // namespace nuri::lifecycle

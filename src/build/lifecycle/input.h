#pragma once

// Unpacks the build's input: a tar stream with build.json first, then app/… and perhaps
// platform/ca.crt.

#include <filesystem>
#include <string>

#include "base/error.h"

namespace nuri::lifecycle {

struct InputPlaces {
  std::filesystem::path workspace;  // where app/ goes; must exist and be empty
  std::filesystem::path platform;   // where platform/ goes; must exist
};

struct Input {
  std::string build_json;
  std::size_t files = 0;
  bool has_ca = false;
};

// Reads from descriptor `fd` to the end. Nothing is written outside the two places: every component
// of a path is opened without following links, and a link must point inside the app. Times become
// kLayerTime, modes 0755 or 0644. Throws Error naming the entry: bad_request for an unsafe or
// unknown one, too_large over the limits of an upload.
Input unpack_input(int fd, const InputPlaces& places);

}  // namespace nuri::lifecycle

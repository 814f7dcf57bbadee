#pragma once

// What a push is to do: the manifest and the flags put together. Reads files, asks nobody.

#include <filesystem>
#include <string>
#include <vector>

#include "base/json.h"
#include "cli/verb.h"
#include "model/manifest.h"

namespace nuri::cli {

struct AppPlan {
  model::ManifestApp app;      // with the flags in it
  std::filesystem::path path;  // of its source; absolute
};

struct PushPlan {
  std::vector<AppPlan> apps;
  std::filesystem::path manifest;     // empty: none was read
  std::vector<std::string> warnings;  // "manifest.yml: line 7: …"
};

// The manifest: -f; else nuri.yml or manifest.yml of the directory that -p names, else of the
// current one; none with --no-manifest. With a name only that app of it is pushed (the only app of
// a manifest takes the name). Throws Error saying which flag, file or line is wrong.
PushPlan plan_push(const Arguments& arguments);

// The manifest of one app that the server applies (JSON is YAML): what parse_manifest would read
// back. `path` stays behind.
std::string manifest_text(const model::ManifestApp& app);

// Puts the values of --var NAME=VALUE where ((NAME)) stands. Throws Error{unprocessable} naming
// what has no value.
std::string put_variables(std::string text, const std::vector<std::string>& assignments);

}  // namespace nuri::cli

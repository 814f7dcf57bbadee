#pragma once

// The label io.buildpacks.lifecycle.metadata (Platform specification, "Labels"): what the next
// build needs to know of this one.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace nuri::lifecycle {

inline constexpr std::string_view kLifecycleLabel = "io.buildpacks.lifecycle.metadata";
inline constexpr std::string_view kBuildLabel = "io.buildpacks.build.metadata";
inline constexpr std::string_view kProjectLabel = "io.buildpacks.project.metadata";

struct LayerRecord {
  std::string sha;  // diff id
  json::object data;
  bool launch = false;
  bool build = false;
  bool cache = false;
};

struct BuildpackRecord {
  std::string id;
  std::string version;
  std::map<std::string, LayerRecord> layers;
  std::optional<json::object> store;
};

json::object to_json(const BuildpackRecord& record);
BuildpackRecord buildpack_record(const json::object& table);

// The records in a label's value. Empty for an empty label; throws Error for a broken one.
std::vector<BuildpackRecord> read_records(std::string_view label);

const BuildpackRecord* find_record(const std::vector<BuildpackRecord>& records,
                                   std::string_view id);

}  // namespace nuri::lifecycle

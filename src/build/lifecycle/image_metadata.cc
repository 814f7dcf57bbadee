#include "build/lifecycle/image_metadata.h"

#include <algorithm>

#include "build/lifecycle/toml_file.h"

namespace nuri::lifecycle {

json::object to_json(const BuildpackRecord& record) {
  json::object layers;
  for (const auto& [name, layer] : record.layers) {
    json::object entry{{"sha", layer.sha}, {"data", layer.data}};
    entry["launch"] = layer.launch;
    entry["build"] = layer.build;
    entry["cache"] = layer.cache;
    layers[name] = std::move(entry);
  }
  json::object out{{"key", record.id}, {"version", record.version}, {"layers", std::move(layers)}};
  if (record.store) out["store"] = json::object{{"metadata", *record.store}};
  return out;
}

BuildpackRecord buildpack_record(const json::object& table) {
  BuildpackRecord record;
  record.id = json::require_string(table, "key");
  record.version = json::get_string(table, "version");
  if (const auto* layers = json::find_object(table, "layers"))
    for (const auto& member : *layers) {
      const auto& entry = require_table(member.value(), "a layer");
      LayerRecord layer;
      layer.sha = json::get_string(entry, "sha");
      layer.launch = json::get_bool(entry, "launch");
      layer.build = json::get_bool(entry, "build");
      layer.cache = json::get_bool(entry, "cache");
      if (const auto* data = json::find_object(entry, "data")) layer.data = *data;
      record.layers.emplace(std::string(member.key()), std::move(layer));
    }
  if (const auto* store = json::find_object(table, "store")) {
    const auto* metadata = json::find_object(*store, "metadata");
    record.store = metadata ? *metadata : json::object();
  }
  return record;
}

std::vector<BuildpackRecord> read_records(std::string_view label) {
  std::vector<BuildpackRecord> records;
  if (label.empty()) return records;
  const json::object document = json::parse_object(label, limits::kBuildRequestBytes);
  if (const auto* list = json::find_array(document, "buildpacks"))
    for (const auto& item : *list)
      records.push_back(buildpack_record(require_table(item, "a buildpack")));
  return records;
}

const BuildpackRecord* find_record(const std::vector<BuildpackRecord>& records,
                                   std::string_view id) {
  const auto it = std::find_if(records.begin(), records.end(),
                               [&](const BuildpackRecord& record) { return record.id == id; });
  return it == records.end() ? nullptr : &*it;
}

}  // namespace nuri::lifecycle

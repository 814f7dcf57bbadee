#include "api/cf/metadata_json.h"

#include <fmt/format.h>

namespace nuri::api {
namespace {

using Entries = std::map<std::string, std::string>;

json::object entries_json(const Entries& entries) {
  json::object out;
  for (const auto& [name, value] : entries) out.emplace(name, value);
  return out;
}

void patch_entries(Entries& entries, const json::object& metadata, std::string_view key) {
  const json::object* changes = json::find_object(metadata, key);
  if (!changes) return;
  for (const auto& [name, value] : *changes) {
    if (value.is_null()) {
      entries.erase(std::string(name));
    } else if (value.is_string()) {
      entries[std::string(name)] = value.get_string();
    } else {
      throw Error(Code::unprocessable, fmt::format("Metadata {} '{}' must be a string or null", key,
                                                   std::string_view(name)));
    }
  }
}

}  // namespace

json::object metadata_json(const model::Metadata& metadata) {
  return {{"labels", entries_json(metadata.labels)},
          {"annotations", entries_json(metadata.annotations)}};
}

void patch_metadata(model::Metadata& metadata, const json::object& body) {
  const json::object* given = json::find_object(body, "metadata");
  if (!given) return;
  patch_entries(metadata.labels, *given, "labels");
  patch_entries(metadata.annotations, *given, "annotations");
  model::validate(metadata);
}

}  // namespace nuri::api

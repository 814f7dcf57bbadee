#include "build/lifecycle/build_request.h"

#include <fmt/format.h>

#include "base/digest.h"

namespace nuri::lifecycle {
namespace {

Environment environment_of(const json::object& request, std::string_view key) {
  Environment out;
  if (const auto* table = json::find_object(request, key))
    for (const auto& member : *table) {
      const std::string name(member.key());
      if (!member.value().is_string() || name.empty() ||
          name.find_first_of(std::string_view("=\0/", 3)) != std::string::npos)
        throw Error(Code::unprocessable,
                    fmt::format("'{}.{}' must be a variable's text", key, name));
      out[name] = std::string(member.value().get_string());
    }
  return out;
}

ImageParts image_of(const json::object& image) {
  ImageParts parts;
  parts.reference = json::get_string(image, "reference");
  parts.config = json::require_object(image, "config");
  for (const auto& layer : json::require_array(image, "layers")) {
    if (!layer.is_object() || !Digest::parse(json::require_string(layer.get_object(), "digest")))
      throw Error(Code::unprocessable, "'layers' must be descriptors with a digest");
    parts.layers.push_back(layer.get_object());
  }
  if (parts.layers.size() != parts.diff_ids().size())
    throw Error(Code::unprocessable, fmt::format("the image has {} layers but {} diff_ids",
                                                 parts.layers.size(), parts.diff_ids().size()));
  return parts;
}

}  // namespace

std::vector<std::string> ImageParts::diff_ids() const {
  std::vector<std::string> out;
  if (const auto* rootfs = json::find_object(config, "rootfs"))
    if (const auto* ids = json::find_array(*rootfs, "diff_ids"))
      for (const auto& id : *ids)
        if (id.is_string()) out.emplace_back(id.get_string());
  return out;
}

std::string ImageParts::label(std::string_view name) const {
  const auto* inner = json::find_object(config, "config");
  const auto* labels = inner ? json::find_object(*inner, "Labels") : nullptr;
  return labels ? json::get_string(*labels, name) : std::string();
}

const json::object* ImageParts::layer(std::string_view diff_id) const {
  const auto ids = diff_ids();
  for (std::size_t i = 0; i < ids.size(); ++i)
    if (ids[i] == diff_id) return &layers[i];
  return nullptr;
}

BuildRequest parse_build_request(std::string_view text) {
  try {
    const json::object document = json::parse_object(text, limits::kBuildRequestBytes);
    const std::string format = json::require_string(document, "format");
    if (format != "nuri-build/1")
      throw Error(Code::unprocessable,
                  fmt::format("format '{}'; this lifecycle reads nuri-build/1", format));
    BuildRequest request;
    const auto& app = json::require_object(document, "app");
    request.app_name = json::require_string(app, "name");
    request.app_guid = json::get_string(app, "guid");
    if (const auto* names = json::find_array(document, "buildpacks"))
      for (const auto& name : *names) {
        if (!name.is_string())
          throw Error(Code::unprocessable, "'buildpacks' must be a list of names");
        request.buildpacks.emplace_back(name.get_string());
      }
    request.env = environment_of(document, "env");
    request.platform_env = environment_of(document, "platform_env");
    if (const auto* project = json::find_object(document, "project")) request.project = *project;
    request.run_image = image_of(json::require_object(document, "run_image"));
    if (const auto* previous = json::find_object(document, "previous_image"))
      request.previous_image = image_of(*previous);
    return request;
  } catch (const Error& e) {
    throw e.within("build.json");
  }
}

}  // namespace nuri::lifecycle

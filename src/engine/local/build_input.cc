#include "engine/local/build_input.h"

#include <fmt/format.h>

#include "base/json.h"

namespace nuri::engine::local {
namespace {

json::object environment(const std::vector<std::pair<std::string, std::string>>& env) {
  json::object out;
  for (const auto& [name, value] : env) out[name] = value;
  return out;
}

json::object image_parts(const image::oci::Image& image) {
  json::array layers;
  for (const auto& layer : image.layers)
    layers.push_back(json::object{{"mediaType", layer.blob.media_type},
                                  {"digest", layer.blob.digest.str()},
                                  {"size", layer.blob.size}});
  return {{"reference", image.digest.str()},
          {"config", json::parse(image::oci::serialise(image.config))},
          {"layers", layers}};
}

}  // namespace

std::string build_json(const BuildSpec& spec, const image::oci::Image& run_image,
                       const std::optional<image::oci::Image>& previous,
                       const std::vector<std::pair<std::string, std::string>>& platform_env) {
  json::object request{
      {"format", "nuri-build/1"},
      {"app", json::object{{"name", spec.app_name}, {"guid", spec.app.str()}}},
      {"buildpacks", json::array(spec.buildpacks.begin(), spec.buildpacks.end())},
      {"env", environment(spec.env)},
      {"platform_env", environment(platform_env)},
      {"run_image", image_parts(run_image)},
  };
  if (previous) request["previous_image"] = image_parts(*previous);
  return json::serialize(request);
}

std::string failure_of_exit(int code) {
  switch (code) {
    case 20:
      return "NoAppDetectedError: no buildpack recognises this app; the log says what each one "
             "looked for";
    case 21:
      return "a buildpack failed while it looked at the app; the log says why";
    case 51:
      return "BuildpackCompileFailed: a buildpack failed; the log says why";
    case 62:
      return "the image of the app could not be written; the log says why";
    default:
      return fmt::format("the build ended with status {}; the log says why", code);
  }
}

}  // namespace nuri::engine::local

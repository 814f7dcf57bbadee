#include "build/lifecycle/image_config.h"

#include <fmt/format.h>

#include "base/digest.h"
#include "build/lifecycle/layer_time.h"

namespace nuri::lifecycle {
namespace {

constexpr std::string_view kManifestType = "application/vnd.oci.image.manifest.v1+json";
constexpr std::string_view kConfigType = "application/vnd.oci.image.config.v1+json";
constexpr std::string_view kPathDefault =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

json::object lifecycle_label(const BuildRequest& request, const ImageFacts& facts) {
  json::array app;
  for (const auto& sha : facts.app_layers) app.push_back(json::object{{"sha", sha}});
  json::array buildpacks;
  for (const auto& record : facts.records) buildpacks.push_back(to_json(record));
  const auto base = request.run_image.diff_ids();
  return {{"app", app},
          {"buildpacks", buildpacks},
          {"config", {{"sha", facts.config_layer}}},
          {"launcher", {{"sha", facts.launcher_layer}}},
          {"runImage",
           {{"topLayer", base.empty() ? "" : base.back()},
            {"reference", request.run_image.reference}}}};
}

json::object build_label(const ImageFacts& facts) {
  json::array buildpacks;
  for (const Buildpack* buildpack : facts.buildpacks) {
    json::object item{{"id", buildpack->id}, {"version", buildpack->version}};
    if (!buildpack->homepage.empty()) item["homepage"] = buildpack->homepage;
    buildpacks.push_back(std::move(item));
  }
  json::array processes;
  for (const Process& process : facts.processes) processes.push_back(to_json(process));
  return {{"buildpacks", buildpacks},
          {"processes", processes},
          {"launcher", {{"version", "1"}, {"source", {{"name", "nuri"}}}}}};
}

json::array environment_of(const json::object& run_config) {
  Environment env;
  if (const auto* lines = json::find_array(run_config, "Env"))
    for (const auto& line : *lines) {
      if (!line.is_string()) continue;
      const std::string_view text = line.get_string();
      const auto equals = text.find('=');
      if (equals != std::string_view::npos)
        env[std::string(text.substr(0, equals))] = text.substr(equals + 1);
    }
  const std::string path = env.contains("PATH") ? env["PATH"] : std::string(kPathDefault);
  env["PATH"] = "/cnb/process:/cnb/lifecycle:" + path;
  env["CNB_APP_DIR"] = "/workspace";
  env["CNB_LAYERS_DIR"] = "/layers";
  env["CNB_PLATFORM_API"] = "0.12";
  json::array out;
  for (const auto& line : to_lines(env)) out.emplace_back(line);
  return out;
}

json::array history_of(const BuildRequest& request, const Image& image) {
  json::array history;
  const auto* base = json::find_array(request.run_image.config, "history");
  std::size_t layers = 0;
  if (base)
    for (const auto& entry : *base)
      if (entry.is_object() && !json::get_bool(entry.get_object(), "empty_layer")) ++layers;
  if (base && layers == request.run_image.layers.size()) {
    history = *base;
  } else {
    for (std::size_t i = 0; i < request.run_image.layers.size(); ++i)
      history.push_back(json::object{{"created", kLayerTimeText}, {"created_by", "the run image"}});
  }
  for (const ExportedLayer& layer : image.layers)
    history.push_back(json::object{{"created", kLayerTimeText}, {"created_by", layer.created_by}});
  return history;
}

json::object inner_config(const BuildRequest& request, const ImageFacts& facts) {
  const auto* run = json::find_object(request.run_image.config, "config");
  json::object config = run ? *run : json::object();
  json::object labels;
  if (const auto* old = json::find_object(config, "Labels")) labels = *old;
  for (const auto& [key, value] : facts.labels) labels[key] = value;
  labels[kLifecycleLabel] = json::serialize(lifecycle_label(request, facts));
  labels[kBuildLabel] = json::serialize(build_label(facts));
  labels[kProjectLabel] = json::serialize(request.project);
  config["Env"] = environment_of(config);
  config["Labels"] = std::move(labels);
  config["WorkingDir"] = "/workspace";
  config["User"] = fmt::format("{0}:{0}", kAppUser);
  config["Entrypoint"] =
      json::array{facts.default_process.empty() ? std::string("/cnb/lifecycle/launcher")
                                                : "/cnb/process/" + facts.default_process};
  config.erase("Cmd");
  return config;
}

}  // namespace

void finish_image(const BuildRequest& request, const ImageFacts& facts, Image& image) {
  const json::object& base = request.run_image.config;
  json::array diff_ids;
  for (const auto& id : request.run_image.diff_ids()) diff_ids.emplace_back(id);
  json::array layers(request.run_image.layers.begin(), request.run_image.layers.end());
  for (const ExportedLayer& layer : image.layers) {
    diff_ids.emplace_back(layer.diff_id);
    layers.push_back(layer.descriptor);
  }
  json::object config{{"architecture", json::get_string(base, "architecture", "amd64")},
                      {"os", json::get_string(base, "os", "linux")},
                      {"created", kLayerTimeText},
                      {"config", inner_config(request, facts)},
                      {"rootfs", {{"type", "layers"}, {"diff_ids", diff_ids}}},
                      {"history", history_of(request, image)}};
  image.config = json::serialize(config);
  image.manifest = json::serialize(json::object{{"schemaVersion", 2},
                                                {"mediaType", kManifestType},
                                                {"config",
                                                 {{"mediaType", kConfigType},
                                                  {"digest", Digest::of(image.config).str()},
                                                  {"size", image.config.size()}}},
                                                {"layers", layers}});
  image.index = json::serialize(json::object{
      {"schemaVersion", 2},
      {"manifests", json::array{json::object{{"mediaType", kManifestType},
                                             {"digest", Digest::of(image.manifest).str()},
                                             {"size", image.manifest.size()}}}}});
}

}  // namespace nuri::lifecycle

#include "build/lifecycle/builder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "build/lifecycle/buildpack_env.h"
#include "build/lifecycle/child.h"
#include "build/lifecycle/toml_file.h"
#include "build/lifecycle/tree.h"

namespace nuri::lifecycle {
namespace {

bool provides(const PlanEntry& entry, const std::string& id) {
  return std::find(entry.providers.begin(), entry.providers.end(), id) != entry.providers.end();
}

// The Buildpack Plan: what others require of this one.
std::string plan_for(const std::vector<PlanEntry>& plan, const std::string& id) {
  json::array entries;
  for (const PlanEntry& entry : plan)
    if (provides(entry, id))
      for (const auto& need : entry.requirements) {
        json::object item{{"name", need.name}};
        if (!need.metadata.empty()) item["metadata"] = need.metadata;
        entries.push_back(std::move(item));
      }
  return write_toml({{"entries", std::move(entries)}});
}

// Met entries are done; unmet ones go on to the next that provides them.
void settle(std::vector<PlanEntry>& plan, const std::string& id,
            const std::vector<std::string>& unmet) {
  for (PlanEntry& entry : plan) {
    if (!provides(entry, id)) continue;
    if (std::find(unmet.begin(), unmet.end(), entry.name) != unmet.end())
      std::erase(entry.providers, id);
    else
      entry.providers.clear();
  }
}

std::vector<Layer> take_layers(const fs::path& directory) {
  std::vector<Layer> kept;
  for (Layer& layer : read_layers(directory)) {
    if (layer.launch || layer.build || layer.cache) {
      kept.push_back(std::move(layer));
    } else if (layer.has_content) {
      fs::path ignored = layer.directory;
      ignored += ".ignore";
      fs::rename(layer.directory, ignored);
    }
  }
  return kept;
}

void offer_build_layers(Environment& environment, const std::vector<Layer>& layers) {
  std::vector<fs::path> directories;
  for (const Layer& layer : layers)
    if (layer.build && layer.has_content) directories.push_back(layer.directory);
  add_layer_paths(environment, directories, Phase::build);
  for (const auto& directory : directories)
    add_layer_variables(environment, directory, Phase::build);
}

}  // namespace

BuildFailed::BuildFailed(const Buildpack& buildpack, int status)
    : Error(Code::unprocessable,
            fmt::format("the buildpack {} {} failed with status {}; its last lines "
                        "above say why",
                        buildpack.id, buildpack.version, status)) {}

std::vector<BuiltPart> build_all(const std::vector<const Buildpack*>& group,
                                 std::vector<PlanEntry> plan, const Places& places,
                                 Environment environment, const Environment& user) {
  std::vector<BuiltPart> parts;
  for (const Buildpack* buildpack : group) {
    const fs::path directory = places.layers / directory_name(buildpack->id);
    const fs::path plan_file = places.scratch / "plan.toml";
    fs::create_directories(directory);
    write_file(plan_file, plan_for(plan, buildpack->id));
    Environment own = environment_for(*buildpack, environment, user);
    own["CNB_LAYERS_DIR"] = directory.string();
    own["CNB_BP_PLAN_PATH"] = plan_file.string();
    const int status = run({{(buildpack->directory / "bin/build").string(), directory.string(),
                             places.platform.string(), plan_file.string()},
                            std::move(own),
                            places.workspace});
    if (status != 0) throw BuildFailed(*buildpack, status);
    settle(plan, buildpack->id, read_unmet(directory));
    BuiltPart part{buildpack, take_layers(directory), read_launch_file(directory),
                   read_store(directory)};
    for (Process& process : part.launch.processes) process.buildpack = buildpack->id;
    offer_build_layers(environment, part.layers);
    parts.push_back(std::move(part));
  }
  return parts;
}

}  // namespace nuri::lifecycle

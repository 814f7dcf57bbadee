#include "build/lifecycle/restore.h"

#include <cstdio>

#include "build/lifecycle/layers.h"
#include "build/lifecycle/toml_file.h"
#include "build/lifecycle/tree.h"

namespace nuri::lifecycle {
namespace {

void from_image(const Buildpack& buildpack, const fs::path& directory,
                const BuildpackRecord& record, Cache& cache) {
  for (const auto& [name, layer] : record.layers) {
    if (!layer.launch) continue;
    if (!layer.cache && !layer.build) {
      write_restored_metadata(directory, name, layer.data);
      continue;
    }
    if (!layer.cache) continue;
    const LayerRecord* cached = cache.find(buildpack.id, name);
    if (!cached || cached->sha != layer.sha) continue;
    if (cache.restore(buildpack.id, name, directory / name)) {
      write_restored_metadata(directory, name, layer.data);
      std::printf("Restored %s:%s from the cache\n", buildpack.id.c_str(), name.c_str());
    }
  }
  if (record.store) write_file(directory / "store.toml", write_toml({{"metadata", *record.store}}));
}

void from_cache(const Buildpack& buildpack, const fs::path& directory, Cache& cache) {
  for (const auto& name : cache.layers_of(buildpack.id)) {
    const LayerRecord record = *cache.find(buildpack.id, name);
    if (record.launch) continue;
    if (!cache.restore(buildpack.id, name, directory / name)) continue;
    write_restored_metadata(directory, name, record.data);
    std::printf("Restored %s:%s from the cache\n", buildpack.id.c_str(), name.c_str());
  }
}

}  // namespace

void restore_layers(const std::vector<const Buildpack*>& group, const Places& places,
                    const std::vector<BuildpackRecord>& previous, Cache& cache) {
  for (const Buildpack* buildpack : group) {
    const fs::path directory = places.layers / directory_name(buildpack->id);
    fs::create_directories(directory);
    if (const auto* record = find_record(previous, buildpack->id))
      from_image(*buildpack, directory, *record, cache);
    from_cache(*buildpack, directory, cache);
  }
}

}  // namespace nuri::lifecycle

#pragma once

// Phase 2 (analysis and restore): what earlier builds left is put where the buildpacks find it, by
// the table "Layer Types" of the specification.

#include <vector>

#include "build/lifecycle/buildpack.h"
#include "build/lifecycle/cache.h"
#include "build/lifecycle/image_metadata.h"
#include "build/lifecycle/places.h"

namespace nuri::lifecycle {

// Makes <layers>/<buildpack>/ for each of the group and restores into it: metadata of launch layers
// and store.toml from the previous image, content of cached layers (for a launch layer only when
// the cache holds the very content that the image has). Prints what came back.
void restore_layers(const std::vector<const Buildpack*>& group, const Places& places,
                    const std::vector<BuildpackRecord>& previous, Cache& cache);

}  // namespace nuri::lifecycle

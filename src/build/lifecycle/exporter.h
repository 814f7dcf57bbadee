#pragma once

// Phase 4: the image. Layers that the run image or the previous image already have are named, not
// written again.

#include <string>
#include <vector>

#include "build/lifecycle/build_request.h"
#include "build/lifecycle/builder.h"
#include "build/lifecycle/cache.h"
#include "build/lifecycle/image_metadata.h"
#include "build/lifecycle/layer_pack.h"
#include "build/lifecycle/places.h"

namespace nuri::lifecycle {

struct ExportedLayer {
  std::string diff_id;
  json::object descriptor;
  std::string created_by;
  std::optional<LayerPack> pack;  // none: reused
};

struct Image {
  std::vector<ExportedLayer> layers;  // above the run image's
  std::string config;
  std::string manifest;
  std::string index;
  std::vector<Cache::Item> cached;  // what to keep for the next build; points into the parts
};

// Throws Error when a layer without content is not in the previous image, or packing fails. `parts`
// must outlive the image.
Image make_image(const BuildRequest& request, const std::vector<BuiltPart>& parts,
                 const std::vector<BuildpackRecord>& previous, const Cache& cache,
                 const Places& places);

// Writes the image as an OCI layout in a tar to descriptor `fd`: oci-layout, new blobs, and
// index.json last, whose presence says that all is there.
void write_layout(const Image& image, int fd);

}  // namespace nuri::lifecycle

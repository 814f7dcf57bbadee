#pragma once

// Images from elsewhere into a BlobStore: an OCI layout folder (base images), the tar stream that a
// build writes. All or nothing: until the last blob is checked, nothing is visible. Blocking,
// thread-safe; throw nuri::Error: unprocessable (what is wrong with the image), too_large,
// no_space, data_loss.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/limits.h"
#include "image/blob_store.h"
#include "image/oci.h"

namespace nuri::image::oci {

struct ImportLimits {
  std::uint64_t total_bytes = limits::kImageBytes;
  std::size_t blobs = limits::kImageBlobs;
};

struct Imported {
  Digest manifest;
  std::uint64_t new_bytes = 0;  // that came with the import
};

// Copies the image that index.json of `folder` names `ref_name` (empty: the only one), every blob
// checked, and touches those that are already there. not_found if there is no such name.
Imported import_layout(BlobStore& blobs, const std::filesystem::path& folder,
                       std::string_view ref_name, const ImportLimits& limits = {});

// Reads the output of a build from `fd` until its end (blocking). Entries: `oci-layout`,
// `blobs/sha256/HEX`, and `index.json`, naming one manifest, last; anything else is unprocessable,
// as is a stream that ends early. New layers are not compressed. Layers that are not in the stream
// must be, with their diff_id, among `reusable` (those of the run image and of the app's previous
// droplet: nobody gets others' layers by knowing a digest) and in the store; they are touched.
Imported import_build_output(BlobStore& blobs, int fd, const std::vector<Layer>& reusable,
                             const ImportLimits& limits = {});

// index.json of a store's folder, so that other tools find images by name (skopeo inspect
// oci:DIR:NAME). Replaced in one step, durable when set_ref returns. One caller at a time.
Index read_index(const std::filesystem::path& folder);
void set_ref(const std::filesystem::path& folder, std::string_view ref_name,
             const Descriptor& manifest);
void remove_ref(const std::filesystem::path& folder, std::string_view ref_name);

}  // namespace nuri::image::oci

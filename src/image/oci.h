#pragma once

// OCI images (image-spec v1.1: descriptor.md, manifest.md, config.md, image-index.md) in a
// BlobStore. Docker's schema 2 media types are read as well. Parsing has limits and throws
// nuri::Error: unprocessable, bad_request or too_large naming the field; data_loss for what is
// wrong in the store. All block; free functions are thread-safe.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "image/blob_store.h"

namespace nuri::image::oci {

inline constexpr std::string_view kIndexType = "application/vnd.oci.image.index.v1+json";
inline constexpr std::string_view kManifestType = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view kConfigType = "application/vnd.oci.image.config.v1+json";
inline constexpr std::string_view kLayerType = "application/vnd.oci.image.layer.v1.tar";
inline constexpr std::string_view kLayerGzipType = "application/vnd.oci.image.layer.v1.tar+gzip";
inline constexpr std::string_view kLayerZstdType = "application/vnd.oci.image.layer.v1.tar+zstd";
inline constexpr std::string_view kRefName = "org.opencontainers.image.ref.name";

enum class Compression { none, gzip, zstd };
// Nullopt: not the media type of a layer that Nuri reads.
std::optional<Compression> layer_compression(std::string_view media_type);

struct Platform {
  std::string os = "linux";
  std::string architecture;  // Go's names: amd64, arm64
  std::string variant;
  friend bool operator==(const Platform&, const Platform&) = default;
};
// Of this machine.
Platform host_platform();

struct Descriptor {
  std::string media_type;
  Digest digest;
  std::uint64_t size = 0;
  std::map<std::string, std::string> annotations;
  std::optional<Platform> platform;  // in an index
  friend bool operator==(const Descriptor&, const Descriptor&) = default;
};

struct Manifest {
  Descriptor config;
  std::vector<Descriptor> layers;  // base first
  std::map<std::string, std::string> annotations;
};

struct Index {
  std::vector<Descriptor> manifests;
  std::map<std::string, std::string> annotations;
};

struct History {
  std::string created;
  std::string created_by;
  std::string comment;
  bool empty_layer = false;
};

struct ImageConfig {
  Platform platform;
  std::string created;  // RFC 3339
  std::string author;
  std::string user;
  std::vector<std::string> env;  // NAME=VALUE
  std::vector<std::string> entrypoint;
  std::vector<std::string> cmd;
  std::string working_dir;
  std::string stop_signal;
  std::vector<std::string> exposed_ports;  // "8080/tcp", sorted
  std::vector<std::string> volumes;        // sorted
  std::map<std::string, std::string> labels;
  std::vector<Digest> diff_ids;  // of the uncompressed layers, base first
  std::vector<History> history;

  // The value of NAME in env; empty if not there.
  std::string_view env_value(std::string_view name) const;
};

// Known fields only: others are dropped. Serialising gives canonical JSON: sorted keys, no spaces.
Manifest parse_manifest(std::string_view json);
std::string serialise(const Manifest& manifest);
Index parse_index(std::string_view json);
std::string serialise(const Index& index);
ImageConfig parse_config(std::string_view json);
std::string serialise(const ImageConfig& config);

struct Layer {
  Descriptor blob;
  Digest diff_id;
};

struct Image {
  Digest digest;  // of the manifest
  Manifest manifest;
  ImageConfig config;
  std::vector<Layer> layers;  // base first; manifest.layers beside config.diff_ids
};

// unprocessable if they do not fit together: counts, media types, the diff_id of an uncompressed
// layer.
std::vector<Layer> pair_layers(const Manifest& manifest, const ImageConfig& config);

// `digest` names a manifest, or an index of which the manifest for `platform` is taken. not_found
// if a blob of the image is missing, data_loss if manifest and config do not fit together.
Image load_image(const BlobStore& blobs, const Digest& digest,
                 const Platform& platform = host_platform());

// Stores config and manifest (the layers must be there: unprocessable if not) and returns the
// manifest's digest. `config.diff_ids` must have one entry a layer.
Digest store_image(BlobStore& blobs, const ImageConfig& config,
                   const std::vector<Descriptor>& layers,
                   const std::map<std::string, std::string>& annotations = {});

// For marking: the manifest or index, and all it points to. Blobs that are gone are listed and not
// followed; any other failure throws, and then nothing may be swept.
std::vector<Digest> blobs_of_image(const BlobStore& blobs, const Digest& digest);

// Streams the uncompressed tar of a layer in pieces to `sink`, then checks diff_id (data_loss)
// unless it is empty. too_large past `limit_bytes`. What `sink` throws passes through.
void read_layer(const BlobStore& blobs, const Descriptor& layer, const Digest& diff_id,
                std::uint64_t limit_bytes, const std::function<void(std::string_view)>& sink);

}  // namespace nuri::image::oci

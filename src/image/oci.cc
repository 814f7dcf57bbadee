#include "image/oci.h"

#include <fmt/format.h>
#include <sys/utsname.h>

#include <algorithm>

#include "base/json.h"

namespace nuri::image::oci {
namespace {

// What a stored blob holds must parse: if not, the store is at fault.
template <class Parse>
auto parse_stored(const BlobStore& blobs, const Digest& digest, std::string_view what,
                  Parse parse) {
  try {
    return parse(blobs.read(digest, limits::kImageJsonBytes));
  } catch (const Error& e) {
    const bool malformed = e.code() == Code::bad_request || e.code() == Code::unprocessable;
    throw Error(malformed ? Code::data_loss : e.code(),
                fmt::format("reading {} {}: {}", what, digest.str(), e.message()));
  }
}

bool is_index(std::string_view text) {
  return json::parse_object(text, limits::kImageJsonBytes).contains("manifests");
}

Digest pick_platform(const Index& index, const Platform& platform) {
  for (const Descriptor& d : index.manifests)
    if (d.platform && d.platform->os == platform.os &&
        d.platform->architecture == platform.architecture)
      return d.digest;
  throw Error(Code::not_found, fmt::format("the image has no variant for {}/{}", platform.os,
                                           platform.architecture));
}

void add_blobs(const BlobStore& blobs, const Digest& digest, int depth, std::vector<Digest>& out) {
  out.push_back(digest);
  if (!blobs.exists(digest)) return;
  const std::string text = blobs.read(digest, limits::kImageJsonBytes);
  if (is_index(text)) {
    if (depth == 0)
      throw Error(Code::data_loss, fmt::format("index {} lies too deep", digest.str()));
    for (const Descriptor& d : parse_index(text).manifests)
      add_blobs(blobs, d.digest, depth - 1, out);
    return;
  }
  const Manifest manifest = parse_manifest(text);
  out.push_back(manifest.config.digest);
  for (const Descriptor& d : manifest.layers) out.push_back(d.digest);
}

}  // namespace

Platform host_platform() {
  utsname name{};
  ::uname(&name);
  const std::string_view machine = name.machine;
  return {"linux",
          machine == "x86_64"    ? "amd64"
          : machine == "aarch64" ? "arm64"
                                 : std::string(machine),
          ""};
}

std::vector<Layer> pair_layers(const Manifest& manifest, const ImageConfig& config) {
  if (manifest.layers.size() != config.diff_ids.size())
    throw Error(Code::unprocessable,
                fmt::format("the manifest has {} layers and the configuration {} diff_ids",
                            manifest.layers.size(), config.diff_ids.size()));
  std::vector<Layer> layers;
  for (std::size_t i = 0; i < manifest.layers.size(); ++i) {
    const Descriptor& blob = manifest.layers[i];
    const auto compression = layer_compression(blob.media_type);
    if (!compression)
      throw Error(Code::unprocessable, fmt::format("layer {} has the media type '{}', which Nuri "
                                                   "cannot read; tar, tar+gzip and tar+zstd "
                                                   "it can",
                                                   blob.digest.str(), blob.media_type));
    if (*compression == Compression::none && blob.digest != config.diff_ids[i])
      throw Error(Code::unprocessable,
                  fmt::format("layer {} is not compressed but has another diff_id, {}",
                              blob.digest.str(), config.diff_ids[i].str()));
    layers.push_back({blob, config.diff_ids[i]});
  }
  return layers;
}

Image load_image(const BlobStore& blobs, const Digest& digest, const Platform& platform) {
  Image image;
  image.digest = digest;
  parse_stored(blobs, digest, "image", [&](const std::string& text) {
    if (is_index(text)) {
      image.digest = pick_platform(parse_index(text), platform);
    } else {
      image.manifest = parse_manifest(text);
    }
    return 0;
  });
  if (image.digest != digest)
    image.manifest = parse_stored(blobs, image.digest, "manifest", parse_manifest);
  image.config =
      parse_stored(blobs, image.manifest.config.digest, "image configuration", parse_config);
  try {
    image.layers = pair_layers(image.manifest, image.config);
  } catch (const Error& e) {
    throw Error(Code::data_loss, fmt::format("image {}: {}", digest.str(), e.message()));
  }
  return image;
}

Digest store_image(BlobStore& blobs, const ImageConfig& config,
                   const std::vector<Descriptor>& layers,
                   const std::map<std::string, std::string>& annotations) {
  Manifest manifest;
  manifest.layers = layers;
  manifest.annotations = annotations;
  pair_layers(manifest, config);
  for (const Descriptor& layer : layers)
    if (!blobs.touch(layer.digest) || blobs.size(layer.digest) != layer.size)
      throw Error(Code::unprocessable, fmt::format("layer {} of {} bytes is not in the store",
                                                   layer.digest.str(), layer.size));
  const auto batch = blobs.batch();
  const BlobInfo stored = batch->put(serialise(config));
  manifest.config = {std::string(kConfigType), stored.digest, stored.size, {}, {}};
  const Digest digest = batch->put(serialise(manifest)).digest;
  batch->commit();
  return digest;
}

std::vector<Digest> blobs_of_image(const BlobStore& blobs, const Digest& digest) {
  std::vector<Digest> out;
  add_blobs(blobs, digest, 1, out);
  return out;
}

}  // namespace nuri::image::oci

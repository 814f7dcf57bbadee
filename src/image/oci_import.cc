#include "image/oci_import.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <array>
#include <cerrno>

#include "base/json.h"
#include "image/durable_file.h"

namespace nuri::image::oci {
namespace {

// Copies the blobs of one image out of another layout, into a batch.
class LayoutCopy {
 public:
  LayoutCopy(BlobStore& blobs, const std::filesystem::path& folder, const ImportLimits& limits)
      : blobs_(blobs), folder_(folder), limits_(limits), batch_(blobs.batch()) {}

  Imported copy(const Descriptor& named) {
    Descriptor top = named;
    std::string text = read_json(top);
    if (json::parse_object(text, limits::kImageJsonBytes).contains("manifests")) {
      top = of_this_machine(parse_index(text));
      text = read_json(top);
    }
    const Manifest manifest = parse_manifest(text);
    pair_layers(manifest, parse_config(read_json(manifest.config)));
    for (const Descriptor& layer : manifest.layers) bring(layer);
    bring(manifest.config);
    bring(top);
    batch_->commit();
    return {top.digest, brought_};
  }

 private:
  std::filesystem::path path_of(const Descriptor& d) const {
    return folder_ / "blobs/sha256" / d.digest.hex();
  }

  std::string read_json(const Descriptor& d) const {
    std::string text = read_file(path_of(d), limits::kImageJsonBytes);
    if (Digest::of(text) != d.digest)
      throw Error(Code::unprocessable,
                  fmt::format("{} is damaged: its digest is another", path_of(d).string()));
    return text;
  }

  static Descriptor of_this_machine(const Index& index) {
    const Platform host = host_platform();
    for (const Descriptor& d : index.manifests)
      if (d.platform && d.platform->os == host.os && d.platform->architecture == host.architecture)
        return d;
    throw Error(Code::not_found,
                fmt::format("the image has no variant for {}/{}", host.os, host.architecture));
  }

  void bring(const Descriptor& d) {
    if (blobs_.touch(d.digest) && blobs_.size(d.digest) == d.size) return;
    if (batch_->contains(d.digest)) return;
    brought_ += d.size;
    if (brought_ > limits_.total_bytes || d.size > limits_.total_bytes)
      throw Error(Code::too_large,
                  fmt::format("the image is larger than {} bytes", limits_.total_bytes));
    const Fd file(::open(path_of(d).c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) throw system_error(fmt::format("opening {}", path_of(d).string()), errno);
    const auto writer = batch_->writer({d.digest, d.size});
    std::array<char, 64 * limits::kKiB> buffer;
    for (;;) {
      const ssize_t n = ::read(file.get(), buffer.data(), buffer.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) throw system_error(fmt::format("reading {}", path_of(d).string()), errno);
      if (n == 0) break;
      writer->write({buffer.data(), static_cast<std::size_t>(n)});
    }
    writer->commit();
  }

  BlobStore& blobs_;
  const std::filesystem::path& folder_;
  const ImportLimits& limits_;
  const std::unique_ptr<BlobBatch> batch_;
  std::uint64_t brought_ = 0;
};

bool is_named(const Descriptor& d, std::string_view ref_name) {
  const auto it = d.annotations.find(std::string(kRefName));
  return it != d.annotations.end() && it->second == ref_name;
}

}  // namespace

Imported import_layout(BlobStore& blobs, const std::filesystem::path& folder,
                       std::string_view ref_name, const ImportLimits& limits) {
  try {
    const Index index = read_index(folder);
    if (ref_name.empty() && index.manifests.size() != 1)
      throw Error(Code::unprocessable,
                  fmt::format("it has {} images; say which", index.manifests.size()));
    for (const Descriptor& d : index.manifests)
      if (ref_name.empty() || is_named(d, ref_name))
        return LayoutCopy(blobs, folder, limits).copy(d);
    throw Error(Code::not_found, fmt::format("it has no image named '{}'", ref_name));
  } catch (const Error& e) {
    throw e.within(fmt::format("importing an image from {}", folder.string()));
  }
}

Index read_index(const std::filesystem::path& folder) {
  return parse_index(read_file(folder / "index.json", limits::kImageJsonBytes));
}

void set_ref(const std::filesystem::path& folder, std::string_view ref_name,
             const Descriptor& manifest) {
  Index index = read_index(folder);
  std::erase_if(index.manifests, [&](const Descriptor& d) { return is_named(d, ref_name); });
  index.manifests.push_back(manifest);
  index.manifests.back().annotations[std::string(kRefName)] = ref_name;
  replace_file(folder / "index.json", serialise(index));
}

void remove_ref(const std::filesystem::path& folder, std::string_view ref_name) {
  Index index = read_index(folder);
  if (std::erase_if(index.manifests, [&](const Descriptor& d) { return is_named(d, ref_name); }) >
      0)
    replace_file(folder / "index.json", serialise(index));
}

}  // namespace nuri::image::oci

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>

#include "base/json.h"
#include "image/archive.h"
#include "image/oci_import.h"

namespace nuri::image::oci {
namespace {

[[noreturn]] void refuse(std::string why) { throw Error(Code::unprocessable, std::move(why)); }

// One build's output. What a tenant's build wrote is hostile: names, sizes, JSON and references are
// all checked, and the image may only point to blobs that came along or that it was allowed to
// reuse.
class BuildOutput {
 public:
  BuildOutput(BlobStore& blobs, const std::vector<Layer>& reusable, const ImportLimits& limits)
      : blobs_(blobs),
        reusable_(reusable),
        limits_(limits),
        batch_(blobs.batch()),
        archive_(archive_read_new()) {}

  Imported import(int fd) {
    archive_read_support_format_tar(archive_.get());
    if (archive_read_open_fd(archive_.get(), fd, 64 * limits::kKiB) != ARCHIVE_OK)
      fail("reading the tar stream");
    archive_entry* entry = nullptr;
    for (;;) {
      const int status = archive_read_next_header(archive_.get(), &entry);
      if (status == ARCHIVE_EOF) break;
      if (status != ARCHIVE_OK) fail("reading the tar stream");
      if (index_) refuse(fmt::format("'{}' comes after index.json", entry_path(entry)));
      take(entry);
    }
    if (!index_) refuse("the stream ends before index.json: the build was cut short");
    return finish();
  }

 private:
  [[noreturn]] void fail(std::string_view doing) {
    throw archive_failure(archive_.get(), doing, Code::unprocessable);
  }

  void take(archive_entry* entry) {
    const std::string path = entry_path(entry);
    const auto type = archive_entry_filetype(entry);
    if (type == AE_IFDIR && (path == "blobs/" || path == "blobs/sha256/")) return;
    if (type != AE_IFREG || archive_entry_hardlink(entry) != nullptr ||
        archive_entry_sparse_count(entry) > 0 || !archive_entry_size_is_set(entry))
      refuse(fmt::format("'{}' is no ordinary file", path));
    const auto size = static_cast<std::uint64_t>(archive_entry_size(entry));
    constexpr std::string_view kBlobs = "blobs/sha256/";
    if (path == "oci-layout") {
      const json::object layout = json::parse_object(read_small(path, size));
      if (json::require_string(layout, "imageLayoutVersion") != "1.0.0")
        refuse("oci-layout is not of version 1.0.0");
    } else if (path == "index.json") {
      index_ = parse_index(read_small(path, size));
    } else if (const auto digest =
                   Digest::parse("sha256:" + path.substr(std::min(kBlobs.size(), path.size())));
               path.starts_with(kBlobs) && digest) {
      take_blob(*digest, size);
    } else {
      refuse(fmt::format("'{}' is no part of an image layout", path));
    }
  }

  void read_data(std::string_view what, const std::function<void(std::string_view)>& sink) {
    std::array<char, 64 * limits::kKiB> buffer;
    for (;;) {
      const la_ssize_t n = archive_read_data(archive_.get(), buffer.data(), buffer.size());
      if (n < 0) fail(fmt::format("reading '{}'", what));
      if (n == 0) return;
      sink({buffer.data(), static_cast<std::size_t>(n)});
    }
  }

  std::string read_small(std::string_view what, std::uint64_t size) {
    if (size > limits::kImageJsonBytes)
      throw Error(Code::too_large, fmt::format("'{}' has {} bytes; the limit is {}", what, size,
                                               limits::kImageJsonBytes));
    std::string text;
    read_data(what, [&](std::string_view bytes) { text += bytes; });
    return text;
  }

  void take_blob(const Digest& digest, std::uint64_t size) {
    if (!unused_.insert(digest).second) refuse(fmt::format("blob {} comes twice", digest.str()));
    if (unused_.size() > limits_.blobs)
      throw Error(Code::too_large, fmt::format("the image has more than {} blobs", limits_.blobs));
    if (size > limits_.total_bytes || new_bytes_ + size > limits_.total_bytes)
      throw Error(Code::too_large,
                  fmt::format("the image is larger than {} bytes; build less into it",
                              limits_.total_bytes));
    new_bytes_ += size;
    const auto writer = batch_->writer({digest, size});
    read_data(digest.str(), [&](std::string_view bytes) { writer->write(bytes); });
    writer->commit();
  }

  // Of a manifest or configuration: always new, always in the stream.
  std::string take_json(const Descriptor& d) {
    if (batch_->size(d.digest) != d.size)
      refuse(fmt::format("{} of {} bytes is not in the stream", d.digest.str(), d.size));
    unused_.erase(d.digest);
    return batch_->read(d.digest, limits::kImageJsonBytes);
  }

  void check_layer(const Layer& layer) {
    const Descriptor& d = layer.blob;
    if (const auto size = batch_->size(d.digest)) {
      if (*size != d.size)
        refuse(fmt::format("layer {} has {} bytes, not {}", d.digest.str(), *size, d.size));
      // The diff_id of a compressed layer would have to be checked by unpacking it; builds make
      // none.
      if (layer_compression(d.media_type) != Compression::none)
        refuse(fmt::format("the new layer {} is compressed", d.digest.str()));
      unused_.erase(d.digest);
      return;
    }
    const bool may_reuse = std::ranges::any_of(reusable_, [&](const Layer& l) {
      return l.blob.digest == d.digest && l.diff_id == layer.diff_id;
    });
    if (!may_reuse)
      refuse(fmt::format("layer {} is neither in the stream nor one that this build may reuse",
                         d.digest.str()));
    if (!blobs_.touch(d.digest) || blobs_.size(d.digest) != d.size)
      refuse(fmt::format(
          "the reused layer {} of {} bytes is not in the store; push again to build it anew",
          d.digest.str(), d.size));
  }

  Imported finish() {
    if (index_->manifests.size() != 1)
      refuse(fmt::format("index.json names {} images instead of one", index_->manifests.size()));
    const Descriptor& top = index_->manifests.front();
    const Manifest manifest = parse_manifest(take_json(top));
    for (const Layer& layer : pair_layers(manifest, parse_config(take_json(manifest.config))))
      check_layer(layer);
    if (!unused_.empty())
      refuse(fmt::format("blob {} is no part of the image", unused_.begin()->str()));
    batch_->commit();
    return {top.digest, new_bytes_};
  }

  const Utf8Names utf8_;
  BlobStore& blobs_;
  const std::vector<Layer>& reusable_;
  const ImportLimits& limits_;
  const std::unique_ptr<BlobBatch> batch_;
  const ArchivePtr archive_;
  std::optional<Index> index_;
  std::set<Digest> unused_;  // came along, not yet pointed to
  std::uint64_t new_bytes_ = 0;
};

}  // namespace

Imported import_build_output(BlobStore& blobs, int fd, const std::vector<Layer>& reusable,
                             const ImportLimits& limits) {
  try {
    return BuildOutput(blobs, reusable, limits).import(fd);
  } catch (const Error& e) {
    throw e.within("taking over the image that the build made");
  }
}

}  // namespace nuri::image::oci

#include <fmt/format.h>

#include <array>
#include <cerrno>

#include "base/limits.h"
#include "image/archive.h"
#include "image/oci.h"

namespace nuri::image::oci {
namespace {

using Sink = std::function<void(std::string_view)>;

void read_plain(int fd, std::string_view name, const Sink& sink) {
  std::array<char, 64 * limits::kKiB> buffer;
  for (;;) {
    const ssize_t n = ::read(fd, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw system_error(fmt::format("reading layer {}", name), errno);
    if (n == 0) return;
    sink({buffer.data(), static_cast<std::size_t>(n)});
  }
}

void read_compressed(int fd, Compression compression, std::string_view name, const Sink& sink) {
  const ArchivePtr a(archive_read_new());
  archive_read_support_format_raw(a.get());
  const int filter = compression == Compression::gzip ? archive_read_support_filter_gzip(a.get())
                                                      : archive_read_support_filter_zstd(a.get());
  const std::string doing = fmt::format("unpacking layer {}", name);
  archive_entry* entry = nullptr;
  if (filter != ARCHIVE_OK || archive_read_open_fd(a.get(), fd, 64 * limits::kKiB) != ARCHIVE_OK ||
      archive_read_next_header(a.get(), &entry) != ARCHIVE_OK)
    throw archive_failure(a.get(), doing, Code::data_loss);
  std::array<char, 64 * limits::kKiB> buffer;
  for (;;) {
    const la_ssize_t n = archive_read_data(a.get(), buffer.data(), buffer.size());
    if (n < 0) throw archive_failure(a.get(), doing, Code::data_loss);
    if (n == 0) return;
    sink({buffer.data(), static_cast<std::size_t>(n)});
  }
}

}  // namespace

void read_layer(const BlobStore& blobs, const Descriptor& layer, const Digest& diff_id,
                std::uint64_t limit_bytes, const Sink& sink) {
  const auto compression = layer_compression(layer.media_type);
  if (!compression)
    throw Error(Code::unprocessable,
                fmt::format("layer {} has the media type '{}', which Nuri cannot read",
                            layer.digest.str(), layer.media_type));
  Hasher hasher;
  std::uint64_t total = 0;
  const Sink checked = [&](std::string_view bytes) {
    total += bytes.size();
    if (total > limit_bytes)
      throw Error(Code::too_large, fmt::format("layer {} unpacks to more than {} bytes",
                                               layer.digest.str(), limit_bytes));
    hasher.update(bytes);
    sink(bytes);
  };
  const OpenBlob blob = blobs.open(layer.digest);
  if (*compression == Compression::none)
    read_plain(blob.fd.get(), layer.digest.str(), checked);
  else
    read_compressed(blob.fd.get(), *compression, layer.digest.str(), checked);
  if (const Digest found = hasher.finish(); !diff_id.empty() && found != diff_id)
    throw Error(Code::data_loss,
                fmt::format("layer {} unpacks to {} instead of {}; the image is damaged: import or "
                            "build it again",
                            layer.digest.str(), found.str(), diff_id.str()));
}

}  // namespace nuri::image::oci

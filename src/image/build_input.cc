#include <fmt/format.h>

#include <array>
#include <cerrno>

#include "base/assert.h"
#include "image/archive.h"
#include "image/package.h"

namespace nuri::image {
namespace {

// The same instant as in image layers: 1980-01-01T00:00:01Z, the first that zip tools can keep.
constexpr std::time_t kFixedTime = 315532801;

class TarWriter {
 public:
  explicit TarWriter(int fd) : archive_(archive_write_new()), entry_(archive_entry_new()) {
    NURI_ASSERT(archive_write_set_format_pax_restricted(archive_.get()) == ARCHIVE_OK);
    archive_write_set_bytes_per_block(archive_.get(), 64 * limits::kKiB);
    archive_write_set_bytes_in_last_block(archive_.get(), 1);
    check(archive_write_open_fd(archive_.get(), fd));
  }

  void header(const std::string& path, mode_t type, unsigned mode, std::uint64_t size,
              const std::string& target = {}) {
    archive_entry_clear(entry_.get());
    archive_entry_set_pathname(entry_.get(), path.c_str());
    archive_entry_set_filetype(entry_.get(), type);
    archive_entry_set_perm(entry_.get(), mode);
    archive_entry_set_mtime(entry_.get(), kFixedTime, 0);
    if (type == AE_IFREG) archive_entry_set_size(entry_.get(), static_cast<la_int64_t>(size));
    if (type == AE_IFLNK) archive_entry_set_symlink(entry_.get(), target.c_str());
    check(archive_write_header(archive_.get(), entry_.get()));
  }

  void data(std::string_view bytes) {
    while (!bytes.empty()) {
      const la_ssize_t n = archive_write_data(archive_.get(), bytes.data(), bytes.size());
      if (n <= 0) check(n < 0 ? static_cast<int>(n) : ARCHIVE_FATAL);
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
  }

  void finish() { check(archive_write_close(archive_.get())); }

 private:
  void check(int status) {
    if (status != ARCHIVE_OK)
      throw archive_failure(archive_.get(), "handing the source to the build", Code::internal);
  }

  const Utf8Names utf8_;
  const ArchivePtr archive_;
  const EntryPtr entry_;
};

void copy_blob(TarWriter& tar, const BlobStore& blobs, const PackageFile& file) {
  const OpenBlob blob = blobs.open(file.sha256);
  Hasher hasher;
  std::array<char, 64 * limits::kKiB> buffer;
  std::uint64_t left = file.size;
  while (left > 0) {
    const ssize_t n =
        ::read(blob.fd.get(), buffer.data(), std::min<std::uint64_t>(buffer.size(), left));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0)
      throw system_error(fmt::format("reading '{}' from the blob store", file.path), errno);
    if (n == 0) break;
    const std::string_view bytes(buffer.data(), static_cast<std::size_t>(n));
    hasher.update(bytes);
    tar.data(bytes);
    left -= bytes.size();
  }
  if (blob.size != file.size || hasher.finish() != file.sha256)
    throw Error(Code::data_loss,
                fmt::format("'{}' (blob {}) is damaged in the store; push the app again", file.path,
                            file.sha256.str()));
}

}  // namespace

void write_build_input(const Package& package, const BlobStore& blobs, const BuildInput& input,
                       int fd) {
  TarWriter tar(fd);
  tar.header("build.json", AE_IFREG, 0644, input.build_json.size());
  tar.data(input.build_json);
  if (!input.ca_bundle.empty()) {
    tar.header("platform/ca.crt", AE_IFREG, 0644, input.ca_bundle.size());
    tar.data(input.ca_bundle);
  }
  tar.header("app/", AE_IFDIR, 0755, 0);
  for (const PackageFile& file : package.files) {
    const std::string path = "app/" + file.path;
    switch (file.kind) {
      case FileKind::file:
        tar.header(path, AE_IFREG, file.mode, file.size);
        copy_blob(tar, blobs, file);
        break;
      case FileKind::symlink:
        tar.header(path, AE_IFLNK, 0777, 0, file.target);
        break;
      case FileKind::directory:
        tar.header(path + "/", AE_IFDIR, file.mode, 0);
        break;
    }
  }
  tar.finish();
}

}  // namespace nuri::image

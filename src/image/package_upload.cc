#include <fmt/format.h>

#include <optional>

#include "image/archive.h"
#include "image/package.h"

namespace nuri::image {
namespace {

// Unpacks one zip under limits that hold for what comes out, not for what the zip claims.
class ZipReader {
 public:
  ZipReader(int fd, BlobBatch& batch, const PackageLimits& limits)
      : batch_(batch), limits_(limits), archive_(archive_read_new()) {
    archive_read_support_format_zip_seekable(archive_.get());
    if (::lseek(fd, 0, SEEK_SET) != 0 ||
        archive_read_open_fd(archive_.get(), fd, 64 * limits::kKiB) != ARCHIVE_OK)
      throw archive_failure(archive_.get(), "opening the uploaded zip", Code::unprocessable);
  }

  Package read() {
    Package package;
    archive_entry* entry = nullptr;
    for (;;) {
      const int status = archive_read_next_header(archive_.get(), &entry);
      if (status == ARCHIVE_EOF) break;
      if (status != ARCHIVE_OK)
        throw archive_failure(archive_.get(), "reading the uploaded zip", Code::unprocessable);
      if (package.files.size() >= limits_.files)
        throw Error(Code::too_large,
                    fmt::format("the uploaded zip has more than {} entries", limits_.files));
      if (std::optional<PackageFile> file = read_entry(entry))
        package.files.push_back(std::move(*file));
    }
    return package;
  }

 private:
  std::optional<PackageFile> read_entry(archive_entry* entry) {
    PackageFile file;
    file.path = entry_path(entry);
    while (file.path.ends_with('/')) file.path.pop_back();
    while (file.path.starts_with("./")) file.path.erase(0, 2);
    const auto type = archive_entry_filetype(entry);
    if (type == AE_IFDIR && (file.path.empty() || file.path == ".")) return std::nullopt;
    if (std::string problem = path_problem(file.path); !problem.empty())
      throw Error(Code::unprocessable, fmt::format("the uploaded zip: {}", problem));
    file.mode = archive_entry_perm(entry) & 07777;
    if (file.mode == 0) file.mode = type == AE_IFDIR ? 0755 : 0644;
    if (type == AE_IFDIR) {
      file.kind = FileKind::directory;
    } else if (type == AE_IFLNK) {
      file.kind = FileKind::symlink;
      const char* target = archive_entry_symlink(entry);
      file.target = target ? target : "";
    } else if (type == AE_IFREG && archive_entry_hardlink(entry) == nullptr) {
      read_contents(file);
    } else {
      throw Error(
          Code::unprocessable,
          fmt::format("'{}' in the uploaded zip is neither file, folder nor link", file.path));
    }
    return file;
  }

  void read_contents(PackageFile& file) {
    const auto writer = batch_.writer();
    Hasher sha1(Hasher::Kind::sha1);
    const void* data = nullptr;
    std::size_t size = 0;
    la_int64_t offset = 0;
    for (;;) {
      const int status = archive_read_data_block(archive_.get(), &data, &size, &offset);
      if (status == ARCHIVE_EOF) break;
      if (status != ARCHIVE_OK)
        throw archive_failure(archive_.get(), fmt::format("unpacking '{}'", file.path),
                              Code::unprocessable);
      count(file, size);
      const std::string_view bytes(static_cast<const char*>(data), size);
      writer->write(bytes);
      sha1.update(bytes);
    }
    file.sha256 = writer->commit().digest;
    file.sha1 = sha1.finish_hex();
  }

  void count(PackageFile& file, std::size_t bytes) {
    file.size += bytes;
    total_ += bytes;
    if (file.size > limits_.file_bytes)
      throw Error(Code::too_large,
                  fmt::format("'{}' unpacks to more than {} bytes, the limit for one file",
                              file.path, limits_.file_bytes));
    if (total_ > limits_.total_bytes)
      throw Error(
          Code::too_large,
          fmt::format("the uploaded zip unpacks to more than {} bytes, the limit of a package",
                      limits_.total_bytes));
  }

  const Utf8Names utf8_;
  BlobBatch& batch_;
  const PackageLimits& limits_;
  const ArchivePtr archive_;
  std::uint64_t total_ = 0;
};

}  // namespace

Package read_zip(int fd, BlobBatch& batch, const PackageLimits& limits) {
  return ZipReader(fd, batch, limits).read();
}

StoredPackage store_package(BlobStore& blobs, int zip_fd, std::vector<PackageFile> matched,
                            const PackageLimits& limits) {
  for (const PackageFile& file : matched)
    if (file.kind == FileKind::file && !blobs.touch(file.sha256))
      throw Error(
          Code::unprocessable,
          fmt::format("the server no longer has '{}'; upload it with the others", file.path));
  const auto batch = blobs.batch();
  StoredPackage stored;
  if (zip_fd >= 0) stored.package = read_zip(zip_fd, *batch, limits);
  stored.package = merge(std::move(stored.package), std::move(matched), limits);
  stored.digest = batch->put(serialise_package(stored.package)).digest;
  batch->commit();
  return stored;
}

}  // namespace nuri::image

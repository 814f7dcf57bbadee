#include "cli/zip_stream.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "base/fd.h"
#include "image/archive.h"

namespace nuri::cli {
namespace {

constexpr std::size_t kPieceBytes = 64 * limits::kKiB;
constexpr std::time_t kTime = 315'532'800;  // 1980-01-01, the first that a zip can say

la_ssize_t append(archive*, void* out, const void* bytes, std::size_t size) {
  static_cast<std::string*>(out)->append(static_cast<const char*>(bytes), size);
  return static_cast<la_ssize_t>(size);
}

Error changed(const std::string& path) {
  return Error(Code::conflict,
               fmt::format("'{}' changed while it was being uploaded; push again", path));
}

}  // namespace

struct ZipStream::State {
  std::string made;  // not handed out yet; outlives the archive, which writes to it to the last
  image::ArchivePtr archive{archive_write_new()};
  std::size_t next = 0;  // in files_
  Fd open;               // of the file before `next`
  std::uint64_t left = 0;
  bool finished = false;
};

ZipStream::ZipStream(std::filesystem::path root, std::vector<image::PackageFile> files,
                     Compression compression)
    : root_(std::move(root)), files_(std::move(files)), state_(std::make_unique<State>()) {
  archive* out = state_->archive.get();
  const char* how =
      compression == Compression::none ? "zip:compression=store" : "zip:compression=deflate";
  if (archive_write_set_format_zip(out) != ARCHIVE_OK ||
      archive_write_set_options(out, how) != ARCHIVE_OK ||
      archive_write_set_bytes_per_block(out, 0) != ARCHIVE_OK ||
      archive_write_open(out, &state_->made, nullptr, append, nullptr) != ARCHIVE_OK)
    throw image::archive_failure(out, "begin the upload", Code::internal);
}

ZipStream::~ZipStream() = default;

std::string ZipStream::read() {
  const image::Utf8Names names;  // of whichever thread reads
  while (state_->made.size() < kPieceBytes && !state_->finished) {
    if (state_->open) {
      copy_some();
    } else if (!begin_next()) {
      if (archive_write_close(state_->archive.get()) != ARCHIVE_OK)
        throw image::archive_failure(state_->archive.get(), "end the upload", Code::internal);
      state_->finished = true;
    }
  }
  return std::exchange(state_->made, {});
}

bool ZipStream::begin_next() {
  if (state_->next == files_.size()) return false;
  const image::PackageFile& file = files_[state_->next++];
  const image::EntryPtr entry(archive_entry_new());
  archive_entry_set_pathname_utf8(entry.get(), file.path.c_str());
  archive_entry_set_mtime(entry.get(), kTime, 0);
  archive_entry_set_perm(entry.get(), file.mode);
  switch (file.kind) {
    case image::FileKind::directory:
      archive_entry_set_filetype(entry.get(), AE_IFDIR);
      break;
    case image::FileKind::symlink:
      archive_entry_set_filetype(entry.get(), AE_IFLNK);
      archive_entry_set_symlink_utf8(entry.get(), file.target.c_str());
      break;
    case image::FileKind::file:
      archive_entry_set_filetype(entry.get(), AE_IFREG);
      archive_entry_set_size(entry.get(), static_cast<la_int64_t>(file.size));
      state_->open = Fd(::open((root_ / file.path).c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
      if (!state_->open)
        throw Error(Code::unprocessable,
                    fmt::format("read '{}': {}", file.path, std::strerror(errno)));
      state_->left = file.size;
  }
  if (archive_write_header(state_->archive.get(), entry.get()) != ARCHIVE_OK)
    throw image::archive_failure(state_->archive.get(), fmt::format("upload '{}'", file.path),
                                 Code::internal);
  return true;
}

void ZipStream::copy_some() {
  const std::string& path = files_[state_->next - 1].path;
  std::array<char, kPieceBytes> buffer;
  ssize_t n = 0;
  do {
    n = ::read(state_->open.get(), buffer.data(), buffer.size());
  } while (n < 0 && errno == EINTR);
  if (n < 0)
    throw Error(Code::unprocessable, fmt::format("read '{}': {}", path, std::strerror(errno)));
  const auto size = static_cast<std::uint64_t>(n);
  if (size > state_->left || (size == 0 && state_->left > 0)) throw changed(path);
  if (size == 0) return state_->open.reset();
  state_->left -= size;
  content_bytes_ += size;
  if (archive_write_data(state_->archive.get(), buffer.data(), size) != n)
    throw image::archive_failure(state_->archive.get(), fmt::format("upload '{}'", path),
                                 Code::internal);
}

}  // namespace nuri::cli

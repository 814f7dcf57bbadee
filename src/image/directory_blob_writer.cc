#include "image/directory_blob_writer.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>

#include "base/encoding.h"
#include "base/limits.h"
#include "base/random.h"
#include "image/durable_file.h"

namespace nuri::image {
namespace {

constexpr std::uint64_t kSpaceCheckBytes = limits::kMiB;
constexpr std::size_t kFlushedOneByOne = 16;  // blobs of a batch

std::string fresh_name() {
  SystemRandom random;
  std::array<unsigned char, 12> bytes;
  random.fill(bytes);
  return hex({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

}  // namespace

std::pair<std::string, Fd> make_temp(int folder, TempKind kind) {
  for (;;) {
    std::string name = fresh_name();
    int flags = O_WRONLY | O_CREAT | O_EXCL;
    if (kind == TempKind::folder) {
      if (::mkdirat(folder, name.c_str(), 0755) != 0)
        throw system_error("making a folder in the blob store's .nuri/tmp", errno);
      flags = O_RDONLY | O_DIRECTORY;
    }
    Fd fd(::openat(folder, name.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, 0644));
    if (!fd && errno == ENOENT) continue;
    if (!fd) throw system_error("making a file in the blob store's .nuri/tmp", errno);
    if (::flock(fd.get(), LOCK_EX) != 0) throw system_error("locking a temporary file", errno);
    // A sweep may have taken it for a leftover before it was locked.
    struct stat st;
    if (::fstatat(folder, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) continue;
    return {std::move(name), std::move(fd)};
  }
}

void remove_temp(int folder, const std::string& name) {
  if (::unlinkat(folder, name.c_str(), 0) == 0 || errno != EISDIR) return;
  const int fd = ::openat(folder, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  DIR* dir = fd >= 0 ? ::fdopendir(fd) : nullptr;
  if (dir == nullptr) return;
  while (const dirent* entry = ::readdir(dir)) ::unlinkat(::dirfd(dir), entry->d_name, 0);
  ::closedir(dir);
  ::unlinkat(folder, name.c_str(), AT_REMOVEDIR);
}

FileWriter::FileWriter(const DirectoryBlobStore& store, FileBatch* batch, Expected expected)
    : store_(store), batch_(batch), checked_(expected) {
  store_.require_space(expected.size.value_or(0), "storing a blob");
  if (batch_ == nullptr) {
    std::tie(name_, file_) = make_temp(store_.temp_.get(), TempKind::file);
  } else {
    name_ = fmt::format("w{}", batch_->next_writer_++);
    file_ = Fd(::openat(folder(), name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
    if (!file_) throw system_error("making a file in the blob store's .nuri/tmp", errno);
  }
  next_space_check_ = kSpaceCheckBytes;
}

FileWriter::~FileWriter() {
  if (!name_.empty()) ::unlinkat(folder(), name_.c_str(), 0);
}

int FileWriter::folder() const { return batch_ ? batch_->folder_.get() : store_.temp_.get(); }

void FileWriter::write(std::string_view bytes) {
  checked_.add(bytes);
  if (checked_.size() >= next_space_check_) {
    store_.require_space(bytes.size(), "storing a blob");
    next_space_check_ = checked_.size() + kSpaceCheckBytes;
  }
  write_all(file_.get(), bytes, fmt::format("a blob in {}", store_.root().string()));
}

BlobInfo FileWriter::commit() { return batch_ ? commit_to_batch() : commit_alone(); }

BlobInfo FileWriter::commit_alone() {
  const BlobInfo info = checked_.finish();
  if (::fdatasync(file_.get()) != 0) throw system_error("flushing a blob", errno);
  {
    const Fd held = store_.lock(DirectoryBlobStore::Lock::shared);
    store_.publish(name_.c_str(), folder(), info);
  }
  name_.clear();
  store_.sync_blob_dir();
  return info;
}

BlobInfo FileWriter::commit_to_batch() {
  const BlobInfo info = checked_.finish();
  // Starts the write-back, so that the batch's commit finds little to do.
  ::sync_file_range(file_.get(), 0, 0, SYNC_FILE_RANGE_WRITE);
  if (::renameat(folder(), name_.c_str(), folder(), info.digest.hex().c_str()) != 0)
    throw system_error("naming a blob of a batch", errno);
  name_.clear();
  batch_->blobs_.emplace(info.digest, info.size);
  return info;
}

FileBatch::FileBatch(const DirectoryBlobStore& store) : store_(store) {
  std::tie(name_, folder_) = make_temp(store_.temp_.get(), TempKind::folder);
}

FileBatch::~FileBatch() { remove_temp(store_.temp_.get(), name_); }

std::unique_ptr<BlobWriter> FileBatch::writer(Expected expected) {
  return std::make_unique<FileWriter>(store_, this, std::move(expected));
}

std::optional<std::uint64_t> FileBatch::size(const Digest& digest) const {
  const auto it = blobs_.find(digest);
  if (it == blobs_.end()) return std::nullopt;
  return it->second;
}

std::string FileBatch::read(const Digest& digest, std::size_t limit_bytes) const {
  const Fd file(::openat(folder_.get(), digest.hex().c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!file) throw system_error(fmt::format("opening blob {} of a batch", digest.str()), errno);
  return read_all(file.get(), limit_bytes, fmt::format("blob {}", digest.str()));
}

void FileBatch::flush() const {
  // One flush of the whole file system costs what the few dirty pages of others cost; one per file
  // costs milliseconds each on a busy disk.
  if (blobs_.size() > kFlushedOneByOne) {
    if (::syncfs(folder_.get()) != 0) throw system_error("flushing a batch of blobs", errno);
    return;
  }
  for (const auto& [digest, size] : blobs_) {
    const Fd file(::openat(folder_.get(), digest.hex().c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (!file || ::fdatasync(file.get()) != 0) throw system_error("flushing a blob", errno);
  }
}

void FileBatch::commit() {
  flush();
  {
    const Fd held = store_.lock(DirectoryBlobStore::Lock::shared);
    for (const auto& [digest, size] : blobs_)
      store_.publish(digest.hex().c_str(), folder_.get(), {digest, size});
  }
  store_.sync_blob_dir();
  blobs_.clear();
}

}  // namespace nuri::image

#include "image/directory_blob_store.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <cerrno>
#include <functional>

#include "base/json.h"
#include "image/directory_blob_writer.h"
#include "image/durable_file.h"

namespace nuri::image {
namespace {

constexpr std::string_view kLayout = R"({"imageLayoutVersion":"1.0.0"})";
constexpr std::string_view kEmptyIndex =
    R"({"manifests":[],"mediaType":"application/vnd.oci.image.index.v1+json","schemaVersion":2})";

timespec to_timespec(WallTime t) { return {t.ns / 1'000'000'000, t.ns % 1'000'000'000}; }

WallTime mtime_of(const struct stat& st) {
  return {st.st_mtim.tv_sec * 1'000'000'000 + st.st_mtim.tv_nsec};
}

Fd open_folder(const std::filesystem::path& path) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) throw system_error(fmt::format("opening {}", path.string()), errno);
  return fd;
}

// Calls `each` with the name of every entry but "." and "..".
void for_each_entry(int folder, const std::function<void(const char*)>& each) {
  const int fd = ::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* dir = fd >= 0 ? ::fdopendir(fd) : nullptr;
  if (dir == nullptr) throw system_error("listing the blob store", errno);
  const std::unique_ptr<DIR, int (*)(DIR*)> closer(dir, ::closedir);
  while (const dirent* entry = ::readdir(dir)) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") each(entry->d_name);
  }
}

bool is_blob_name(std::string_view name) {
  return Digest::parse(fmt::format("sha256:{}", name)).has_value();
}

double mib(std::uint64_t bytes) {
  return static_cast<double>(bytes) / static_cast<double>(limits::kMiB);
}

}  // namespace

DirectoryBlobStore::DirectoryBlobStore(DirectoryBlobOptions options, const Clock& clock)
    : options_(std::move(options)), clock_(clock) {
  make_layout();
  blobs_ = open_folder(root() / "blobs/sha256");
  temp_ = open_folder(root() / ".nuri/tmp");
}

DirectoryBlobStore::~DirectoryBlobStore() = default;

void DirectoryBlobStore::make_layout() {
  namespace fs = std::filesystem;
  try {
    fs::create_directory(root());
    fs::create_directories(root() / "blobs/sha256");
    fs::create_directories(root() / ".nuri/tmp");
  } catch (const fs::filesystem_error& e) {
    throw system_error(fmt::format("making the blob store {}", root().string()), e.code().value());
  }
  if (!fs::exists(root() / "index.json")) replace_file(root() / "index.json", kEmptyIndex);
  if (!fs::exists(root() / "oci-layout")) return replace_file(root() / "oci-layout", kLayout);
  const json::object layout =
      json::parse_object(read_file(root() / "oci-layout", 4 * limits::kKiB));
  if (const std::string version = json::get_string(layout, "imageLayoutVersion");
      version != "1.0.0")
    throw Error(Code::data_loss,
                fmt::format("{} is an OCI layout of version '{}'; this Nuri knows 1.0.0",
                            root().string(), version));
}

std::filesystem::path DirectoryBlobStore::path_of(const Digest& digest) const {
  return root() / "blobs/sha256" / digest.hex();
}

Fd DirectoryBlobStore::lock(Lock kind) const {
  // A fresh open file description each time: flock then excludes threads as well as processes.
  Fd fd(::openat(temp_.get(), "../lock", O_RDONLY | O_CREAT | O_CLOEXEC, 0644));
  if (!fd) throw system_error("opening the blob store's lock", errno);
  while (::flock(fd.get(), kind == Lock::shared ? LOCK_SH : LOCK_EX) != 0)
    if (errno != EINTR) throw system_error("locking the blob store", errno);
  return fd;
}

void DirectoryBlobStore::publish(const char* name, int folder, const BlobInfo& info) const {
  const Fd file(::openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!file) throw system_error("opening a finished blob", errno);
  const timespec times[2] = {{0, UTIME_OMIT}, to_timespec(clock_.wall())};
  if (::futimens(file.get(), times) != 0) throw system_error("dating a blob", errno);
  struct stat owner;
  if (::geteuid() == 0 && ::fstat(blobs_.get(), &owner) == 0 && owner.st_uid != 0 &&
      ::fchown(file.get(), owner.st_uid, owner.st_gid) != 0)
    throw system_error("handing a blob to the store's owner", errno);
  if (::renameat(folder, name, blobs_.get(), info.digest.hex().c_str()) != 0)
    throw system_error(fmt::format("naming blob {}", info.digest.str()), errno);
}

void DirectoryBlobStore::sync_blob_dir() const {
  sync_folder(blobs_.get(), (root() / "blobs").string());
}

std::unique_ptr<BlobWriter> DirectoryBlobStore::writer(Expected expected) {
  return std::make_unique<FileWriter>(*this, nullptr, std::move(expected));
}

std::unique_ptr<BlobBatch> DirectoryBlobStore::batch() {
  return std::make_unique<FileBatch>(*this);
}

OpenBlob DirectoryBlobStore::open(const Digest& digest) const {
  OpenBlob blob;
  blob.fd = Fd(::openat(blobs_.get(), digest.hex().c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!blob.fd) throw system_error(fmt::format("opening blob {}", digest.str()), errno);
  struct stat st;
  if (::fstat(blob.fd.get(), &st) != 0)
    throw system_error(fmt::format("reading blob {}", digest.str()), errno);
  blob.size = static_cast<std::uint64_t>(st.st_size);
  return blob;
}

std::optional<std::uint64_t> DirectoryBlobStore::size(const Digest& digest) const {
  struct stat st;
  if (!digest.empty() &&
      ::fstatat(blobs_.get(), digest.hex().c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0)
    return static_cast<std::uint64_t>(st.st_size);
  if (digest.empty() || errno == ENOENT) return std::nullopt;
  throw system_error(fmt::format("looking for blob {}", digest.str()), errno);
}

bool DirectoryBlobStore::touch(const Digest& digest) {
  const Fd held = lock(Lock::shared);
  const timespec times[2] = {{0, UTIME_OMIT}, to_timespec(clock_.wall())};
  if (::utimensat(blobs_.get(), digest.hex().c_str(), times, AT_SYMLINK_NOFOLLOW) == 0) return true;
  if (errno == ENOENT) return false;
  throw system_error(fmt::format("dating blob {}", digest.str()), errno);
}

bool DirectoryBlobStore::erase(const Digest& digest) {
  const Fd held = lock(Lock::exclusive);
  if (::unlinkat(blobs_.get(), digest.hex().c_str(), 0) == 0) return true;
  if (errno == ENOENT) return false;
  throw system_error(fmt::format("erasing blob {}", digest.str()), errno);
}

GcResult DirectoryBlobStore::gc(const std::set<Digest>& marked, WallTime now) {
  GcResult result;
  const WallTime oldest_kept = now + -options_.grace;
  for_each_entry(blobs_.get(), [&](const char* name) {
    struct stat st;
    if (!is_blob_name(name)) return;
    const auto is_garbage = [&] {
      return ::fstatat(blobs_.get(), name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
             mtime_of(st) < oldest_kept;
    };
    if (marked.contains(Digest::from_hex(name)) || !is_garbage()) {
      ++result.kept;
      return;
    }
    const Fd held = lock(Lock::exclusive);
    if (!is_garbage()) {  // touched or replaced meanwhile
      ++result.kept;
    } else if (::unlinkat(blobs_.get(), name, 0) == 0) {
      ++result.erased;
      result.erased_bytes += static_cast<std::uint64_t>(st.st_size);
    }
  });
  if (result.erased > 0) sync_blob_dir();
  result.leftovers = sweep_leftovers();
  return result;
}

std::uint64_t DirectoryBlobStore::sweep_leftovers() const {
  std::uint64_t swept = 0;
  for_each_entry(temp_.get(), [&](const char* name) {
    const Fd fd(::openat(temp_.get(), name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!fd || ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) return;
    remove_temp(temp_.get(), name);
    ++swept;
  });
  return swept;
}

BlobUsage DirectoryBlobStore::usage() const {
  BlobUsage usage;
  usage.reserve_bytes = options_.reserve_bytes;
  for_each_entry(blobs_.get(), [&](const char* name) {
    struct stat st;
    if (!is_blob_name(name) || ::fstatat(blobs_.get(), name, &st, AT_SYMLINK_NOFOLLOW) != 0) return;
    ++usage.blobs;
    usage.bytes += static_cast<std::uint64_t>(st.st_size);
  });
  struct statvfs fs;
  if (::fstatvfs(blobs_.get(), &fs) != 0) throw system_error("asking for free disk space", errno);
  usage.free_bytes = static_cast<std::uint64_t>(fs.f_bavail) * fs.f_frsize;
  return usage;
}

void DirectoryBlobStore::require_space(std::uint64_t bytes, std::string_view what) const {
  struct statvfs fs;
  if (::fstatvfs(blobs_.get(), &fs) != 0) throw system_error("asking for free disk space", errno);
  const std::uint64_t free = static_cast<std::uint64_t>(fs.f_bavail) * fs.f_frsize;
  if (free >= options_.reserve_bytes && free - options_.reserve_bytes >= bytes) return;
  throw Error(
      Code::no_space,
      fmt::format(
          "{} needs {:.1f} MiB in {}, where {:.1f} MiB are free and {:.1f} MiB must stay free "
          "for running apps and the database; delete apps or files, or enlarge the disk",
          what, mib(bytes), root().string(), mib(free), mib(options_.reserve_bytes)));
}

}  // namespace nuri::image

#include "host/disk.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/error.h"
#include "base/log.h"
#include "host/kernel_file.h"
#include "host/program.h"

namespace nuri::host {
namespace {

constexpr const char* kMkfs = "/usr/sbin/mkfs.ext4";
constexpr const char* kFsck = "/usr/sbin/e2fsck";
constexpr std::size_t kBlanks = 16;  // sizes of which a formatted image is kept
const std::vector<std::string> kEnv{"PATH=/usr/sbin:/usr/bin", "LC_ALL=C"};

struct ImageUse {
  std::uint64_t size = 0;
  std::uint64_t allocated = 0;
};

ImageUse use_of(const std::string& path) {
  struct stat st{};
  if (::stat(path.c_str(), &st) != 0) return {};
  return {static_cast<std::uint64_t>(st.st_size), static_cast<std::uint64_t>(st.st_blocks) * 512};
}

// Makes `to`, or fills it if it is there and empty, with what `from` has, holes as holes.
void copy_sparse(const std::string& from, const std::string& to) {
  const Fd in(::open(from.c_str(), O_RDONLY | O_CLOEXEC));
  const Fd out(::open(to.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  const auto size = static_cast<off_t>(use_of(from).size);
  bool good = in && out && ::ftruncate(out.get(), size) == 0;
  for (off_t at = 0, end = 0; good; at = end) {
    at = ::lseek(in.get(), at, SEEK_DATA);
    if (at < 0 && errno == ENXIO) return;
    end = at < 0 ? at : ::lseek(in.get(), at, SEEK_HOLE);
    good = end >= 0;
    for (off_t into = at; good && at < end;)
      good = ::copy_file_range(in.get(), &at, out.get(), &into, static_cast<std::size_t>(end - at),
                               0) > 0;
  }
  throw system_error(fmt::format("copying the disk {} to {}", from, to), errno);
}

}  // namespace

bool disk_admits(const DiskUse& use, std::uint64_t wanted_bytes, std::uint32_t promise_percent) {
  const std::uint64_t promised = (use.promised_bytes + wanted_bytes) / 100 * promise_percent;
  return use.free_bytes >= use.reserve_bytes && use.free_bytes - use.reserve_bytes >= promised;
}

Disks::Disks(const Realm& realm, const DiskSettings& settings)
    : realm_(realm),
      settings_(settings),
      dir_(realm.private_dir() + "/disks"),
      caches_(realm.private_dir() + "/caches"),
      blanks_(realm.private_dir() + "/blank-disks") {
  remove_tree(blanks_);
  make_dir(blanks_, 0700);
  make_dir(dir_, 0700);
  make_dir(caches_, 0700);
}

DiskUse Disks::use() const {
  const std::lock_guard lock(mutex_);
  return use_now();
}

DiskUse Disks::use_now() const {
  struct statvfs fs{};
  if (::statvfs(dir_.c_str(), &fs) != 0) throw system_error(fmt::format("reading {}", dir_), errno);
  DiskUse use;
  use.total_bytes = std::uint64_t{fs.f_blocks} * fs.f_frsize;
  use.free_bytes = std::uint64_t{fs.f_bavail} * fs.f_frsize;
  use.reserve_bytes = settings_.reserve_bytes;
  const auto promise = [&use](const std::string& path) {
    const ImageUse image = use_of(path);
    use.promised_bytes += image.size - std::min(image.size, image.allocated);
  };
  for (const std::string& name : list_dir(dir_)) promise(dir_ + "/" + name);
  for (const auto& [app, guid] : cache_users_) promise(cache_path(app));
  return use;
}

bool Disks::is_used(const std::string& path) const {
  return std::ranges::any_of(cache_users_,
                             [&](const auto& one) { return cache_path(one.first) == path; });
}

bool Disks::give_up_oldest_cache() {
  std::string oldest;
  std::int64_t since = 0;
  for (const std::string& name : list_dir(caches_)) {
    const std::string path = caches_ + "/" + name;
    struct stat st{};
    if (is_used(path) || ::stat(path.c_str(), &st) != 0) continue;
    if (!oldest.empty() && st.st_mtim.tv_sec >= since) continue;
    oldest = path;
    since = st.st_mtim.tv_sec;
  }
  if (oldest.empty() || ::unlink(oldest.c_str()) != 0) return false;
  log_info("a build cache was given up for room on the disk", {{"path", oldest}});
  return true;
}

void Disks::admit(std::uint64_t bytes) {
  DiskUse now = use_now();
  while (!disk_admits(now, bytes, settings_.promise_percent) && give_up_oldest_cache())
    now = use_now();
  if (disk_admits(now, bytes, settings_.promise_percent)) return;
  throw Error(Code::no_space,
              fmt::format("the disk has no room for {} MB more: {} MB are free, {} MB of them are "
                          "promised to instances and caches and {} MB are kept in reserve. Delete "
                          "apps, lower disk quotas, or add disk space",
                          bytes >> 20, now.free_bytes >> 20, now.promised_bytes >> 20,
                          now.reserve_bytes >> 20));
}

void Disks::reserve(const std::string& path, std::uint64_t bytes) {
  admit(bytes);
  Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd || ::ftruncate(fd.get(), static_cast<off_t>(bytes)) != 0)
    throw system_error(fmt::format("making the disk {}", path), errno);
}

void Disks::format(const std::string& path, Journal journal) const {
  std::vector<std::string> argv{"mkfs.ext4",
                                "-q",
                                "-F",
                                "-m",
                                "0",
                                "-i",
                                "8192",
                                "-E",
                                fmt::format("lazy_itable_init=1,lazy_journal_init=1,nodiscard,"
                                            "root_owner={0}:{0}",
                                            realm_.store_ids())};
  if (journal == Journal::no) argv.insert(argv.end(), {"-O", "^has_journal,^resize_inode"});
  argv.push_back(path);
  try {
    require_program({kMkfs, std::move(argv), kEnv, "", 60s, {}});
  } catch (...) {
    ::unlink(path.c_str());
    throw;
  }
}

std::string Disks::create(const std::string& guid, std::uint64_t bytes) {
  {
    const std::lock_guard lock(mutex_);
    reserve(path(guid), bytes);
  }
  const std::string image = path(guid), blank = fmt::format("{}/{}.img", blanks_, bytes);
  if (::access(blank.c_str(), R_OK) == 0) {
    copy_sparse(blank, image);
    return image;
  }
  format(image, Journal::no);
  if (list_dir(blanks_).size() < kBlanks) {
    const std::string fresh = fmt::format("{}/{}", blanks_, guid);
    copy_sparse(image, fresh);
    if (::rename(fresh.c_str(), blank.c_str()) != 0)
      throw system_error(fmt::format("keeping {}", blank), errno);
  }
  return image;
}

void Disks::remove(const std::string& guid) {
  if (::unlink(path(guid).c_str()) != 0 && errno != ENOENT)
    throw system_error(fmt::format("removing the disk {}", path(guid)), errno);
}

std::uint64_t Disks::allocated(const std::string& guid) const {
  return use_of(path(guid)).allocated;
}

std::string Disks::take_cache(const std::string& app, const std::string& guid) {
  const std::lock_guard lock(mutex_);
  const auto user = cache_users_.find(app);
  if (user != cache_users_.end() && user->second != guid) {
    // Its name is an instance's disk, so that it is swept like one.
    const std::string own = path(guid + "-cache");
    reserve(own, settings_.cache_bytes);
    format(own, Journal::no);
    return own;
  }
  const std::string path = cache_path(app);
  cache_users_[app] = guid;
  try {
    renew_cache(app, path);
  } catch (...) {
    cache_users_.erase(app);
    throw;
  }
  return path;
}

void Disks::renew_cache(const std::string& app, const std::string& path) {
  if (use_of(path).size) {
    const ProgramEnd check = run_program({kFsck, {"e2fsck", "-p", path}, kEnv, "", 120s, {}});
    if (check.exit_code > 1) {
      log_warn("a build cache could not be repaired and is made anew",
               {{"app", app}, {"error", check.output}});
      ::unlink(path.c_str());
    }
  }
  // One that is there is in use from now on, and counted as such.
  if (use_of(path).size) return admit(0);
  reserve(path, settings_.cache_bytes);
  format(path, Journal::yes);
}

void Disks::release_cache(const std::string& app, const std::string& guid) {
  const std::lock_guard lock(mutex_);
  const auto user = cache_users_.find(app);
  if (user != cache_users_.end() && user->second == guid) cache_users_.erase(user);
  ::unlink(path(guid + "-cache").c_str());
}

void Disks::note_cache_user(const std::string& app, const std::string& guid) {
  const std::lock_guard lock(mutex_);
  cache_users_.emplace(app, guid);
}

void Disks::remove_cache(const std::string& app) {
  const std::lock_guard lock(mutex_);
  if (cache_users_.contains(app))
    throw Error(Code::conflict, "a build uses the app's cache: wait for it or cancel it");
  if (::unlink(cache_path(app).c_str()) != 0 && errno != ENOENT)
    throw system_error("removing a build cache", errno);
}

void Disks::sweep(const std::map<std::string, bool>& alive) {
  const std::lock_guard lock(mutex_);
  for (const std::string& name : list_dir(dir_)) {
    const auto end = name.rfind(name.ends_with("-cache.img") ? "-cache.img" : ".img");
    if (alive.contains(name.substr(0, end))) continue;
    if (::unlink((dir_ + "/" + name).c_str()) != 0)
      throw system_error(fmt::format("removing the disk {}", name), errno);
  }
}

}  // namespace nuri::host

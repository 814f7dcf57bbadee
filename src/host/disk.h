#pragma once

// Disks of instances and of builds' caches: sparse ext4 images, so that a quota holds on any file
// system. A sparse image promises more than it takes: admission counts each in full, or an instance
// would lose data inside its own quota when the machine's disk fills. A cache that no build uses
// promises nothing and is given up, the longest unused first, when room is wanted. Blocking; any
// thread.

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "host/realm.h"

namespace nuri::host {

struct DiskSettings {
  std::uint64_t reserve_bytes = 2ull << 30;  // kept free for the database and running apps
  std::uint64_t cache_bytes = 4ull << 30;    // of one app's build cache
  // Factor on what is promised and not yet written: 100 = all of it is kept free, 50 = half.
  std::uint32_t promise_percent = 100;
};

struct DiskUse {
  std::uint64_t total_bytes = 0;
  std::uint64_t free_bytes = 0;
  std::uint64_t reserve_bytes = 0;
  std::uint64_t promised_bytes = 0;
};

// Whether `wanted` more fits. Pure.
bool disk_admits(const DiskUse& use, std::uint64_t wanted_bytes, std::uint32_t promise_percent);

class Disks {
 public:
  Disks(const Realm& realm, const DiskSettings& settings);

  // Makes the image, by copying a formatted one of its size once there is one; its root directory
  // belongs to the store range. Throws Error{no_space} with the numbers, once no unused cache is
  // left to give up.
  std::string create(const std::string& guid, std::uint64_t bytes);
  std::string path(const std::string& guid) const { return dir_ + "/" + guid + ".img"; }
  // Nothing there is a success.
  void remove(const std::string& guid);
  std::uint64_t allocated(const std::string& guid) const;

  // The app's cache, made or checked first (an image that cannot be repaired is made anew); one
  // that is used by another build is not shared: this build gets an empty one of its own, gone with
  // release.
  std::string take_cache(const std::string& app, const std::string& guid);
  void release_cache(const std::string& app, const std::string& guid);
  // Notes that a build which runs already has the cache (after a restart of the host).
  void note_cache_user(const std::string& app, const std::string& guid);
  // Throws Error{conflict} while a build uses it.
  void remove_cache(const std::string& app);

  DiskUse use() const;
  // Removes images of instances that are not `alive`.
  void sweep(const std::map<std::string, bool>& alive);

 private:
  // With mutex_ held, as all of these.
  DiskUse use_now() const;
  void admit(std::uint64_t bytes);
  bool give_up_oldest_cache();
  void renew_cache(const std::string& app, const std::string& path);
  bool is_used(const std::string& cache_path) const;
  void reserve(const std::string& path, std::uint64_t bytes);
  enum class Journal { no, yes };
  void format(const std::string& path, Journal journal) const;  // also without mutex_
  std::string cache_path(const std::string& app) const { return caches_ + "/" + app + ".img"; }

  const Realm realm_;
  const DiskSettings settings_;
  const std::string dir_, caches_, blanks_;
  mutable std::mutex mutex_;
  std::map<std::string, std::string> cache_users_;  // app -> instance
};

}  // namespace nuri::host

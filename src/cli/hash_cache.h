#pragma once

// The hashes of a source directory's files as the last push knew them, in
// ~/.nuri/cache/hashes-HEX (docs/formats/cli.md), so that an unchanged tree is not read again. A
// file is known by its path, inode, size and times; one that changed less than two seconds before
// it was hashed is never kept, because it could change again without any of these showing it.

#include <atomic>
#include <map>
#include <string>

#include "image/walk.h"

namespace nuri::cli {

class HashCache final : public image::KnownHashes {
 public:
  // `folder` empty: nothing is kept. `stop` set: the walk ends with Error{cancelled}. An unreadable
  // or foreign file counts as none. Blocking.
  HashCache(std::string folder, const std::string& root, const std::atomic<bool>& stop);

  bool find(const struct ::stat& attributes, image::PackageFile& file) override;
  void learn(const struct ::stat& attributes, const image::PackageFile& file) override;
  // Keeps what this walk found, and nothing else. Removes caches that no push used for a month.
  void save() const;
  std::size_t hits() const { return hits_; }

 private:
  struct Entry {
    std::string key;  // inode, size, times
    std::string sha256, sha1;
  };
  void load();
  void remove_old() const;

  std::string folder_, path_;
  const std::atomic<bool>& stop_;
  std::map<std::string, Entry> before_, now_;
  std::size_t hits_ = 0;
};

}  // namespace nuri::cli

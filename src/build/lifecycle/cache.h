#pragma once

// The app's build cache: layers that buildpacks want back at the next build. Disposable: whatever
// does not look as it was left is thrown away with a message, never trusted and never an error of
// the build.
// A build that fails half-way may have written into a layer that it got as a link: the fingerprint
// then differs, and the next build does without that layer.
//
// On disk (docs/formats/build.md): ROOT/nuri-cache.json, written last by temp + fsync + rename,
// names the directories under ROOT/layers that belong to it; others are left-overs of a build that
// did not finish.

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "build/lifecycle/image_metadata.h"
#include "build/lifecycle/layers.h"
#include "build/lifecycle/tree.h"

namespace nuri::lifecycle {

// A text that changes whenever anything under `root` was written, renamed or made again since:
// inodes and change times, which no program can set. Empty when there is no such directory.
std::string fingerprint(const std::filesystem::path& root);

class Cache {
 public:
  // Reads the record, or starts empty. An empty path means that there is no cache.
  explicit Cache(std::filesystem::path root);

  // The cached layer's record; null when it is not cached.
  const LayerRecord* find(const std::string& buildpack, const std::string& layer) const;
  std::vector<std::string> layers_of(const std::string& buildpack) const;

  // Makes `target`, which must not exist, the layer's content: a copy for a launch layer, whose
  // path ends up in images and must be a real one; else a link to the content in the cache, which
  // costs nothing. False (and the layer forgotten, with a message) when the content is not what was
  // stored.
  bool restore(const std::string& buildpack, const std::string& layer,
               const std::filesystem::path& target);
  // Whether `layer`, restored as a copy, still is exactly what restore() made.
  bool is_untouched(const std::string& buildpack, const Layer& layer) const;

  struct Item {
    std::string buildpack;
    const Layer* layer;
    std::string sha;  // diff id when it is a launch layer too
  };
  // Makes the cache hold exactly `items`; content that was restored and not touched is not copied
  // again.
  void commit(const std::vector<Item>& items);

 private:
  struct Entry {
    LayerRecord record;
    std::string directory;    // under ROOT/layers
    std::string fingerprint;  // of the content in the cache, when it was committed
    std::string restored;     // of the copy that restore() made
  };
  using Key = std::pair<std::string, std::string>;

  void read();
  void throw_away(std::string_view why);
  Entry store(const Item& item);
  void sweep();

  std::filesystem::path root_;
  std::map<Key, Entry> entries_;
  std::uint64_t next_ = 1;
};

}  // namespace nuri::lifecycle

#pragma once

// Packs directories into image layers (OCI image spec, layer.md): sorted entries, owner 1000:1000,
// times at most kLayerTime, no set-id bits; so the same content has the same digest.

#include <filesystem>
#include <functional>
#include <map>
#include <string>

#include "base/digest.h"
#include "build/lifecycle/tree.h"

namespace nuri::lifecycle {

inline constexpr unsigned kAppUser = 1000;

// What a layer's tar is, before it is written anywhere.
struct LayerMeasure {
  Digest diff_id;  // of the uncompressed tar, which is the blob
  std::uint64_t size = 0;
};

class LayerPack {
 public:
  // A directory as it is in the image; parents that are not added come as 0:0 0755.
  void add_directory(const std::string& path, unsigned mode = 0755, unsigned owner = kAppUser);
  void add_text(const std::string& path, std::string content, unsigned mode = 0644);
  void add_link(const std::string& path, std::string target);
  void add_file(const std::string& path, const std::filesystem::path& source, unsigned mode);
  // One node of a tree whose root is `root`, at `path`.
  void add_node(const std::string& path, const Node& node, const std::filesystem::path& source);
  // The whole of `source` at `path`, itself included.
  void add_tree(const std::string& path, const std::filesystem::path& source);

  bool empty() const { return items_.empty(); }
  // Goes through the tar once without keeping it. Throws Error.
  LayerMeasure measure() const;
  // The tar's bytes in large pieces. Throws Error.
  void write(const std::function<void(std::string_view)>& sink) const;

 private:
  struct Item {
    Node node;
    unsigned owner = kAppUser;
    std::string content;
    std::filesystem::path source;  // empty: `content`
  };
  void put(const std::string& path, Item item);

  std::map<std::string, Item> items_;  // by path without the leading '/'
};

}  // namespace nuri::lifecycle

#pragma once

// Directory trees that a build reads and leaves behind. Nothing here follows a symbolic link inside
// a tree, so a link that an app or a buildpack planted leads nowhere. All throw Error.

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/limits.h"

namespace nuri::lifecycle {

namespace fs = std::filesystem;

// Nullopt when it is not there; Error{too_large} over the limit.
std::optional<std::string> read_file(const fs::path& path, std::size_t limit_bytes);
// Creates or replaces, in place.
void write_file(const fs::path& path, std::string_view text, unsigned mode = 0644);
// Whole or not at all: a temporary file beside it, then rename.
void replace_file(const fs::path& path, std::string_view text);

bool is_real_directory(const fs::path& path);  // false for a link to one
bool is_file(const fs::path& path);            // a regular file, or a link to one

enum class NodeKind { directory, file, link };

// One node of a tree; paths in a Tree are relative to its root, without "./".
struct Node {
  NodeKind kind = NodeKind::file;
  unsigned mode = 0;  // permission bits
  std::uint64_t size = 0;
  std::int64_t mtime_s = 0;
  std::string link;  // target of a link
};
using Tree = std::map<std::string, Node>;

// Every node under `root`, sorted by path bytes. Sockets, pipes and devices are left out (they are
// no content). Error{too_large} over limits::kLayerNodes.
Tree walk(const fs::path& root);

// Copies the nodes under `from` into the new directory `to`: modes, times and links; hard links
// become copies. Returns what was copied.
void copy_tree(const fs::path& from, const fs::path& to);

// Makes directories writable as needed, then removes everything, also read-only directories.
void remove_tree(const fs::path& path);

}  // namespace nuri::lifecycle

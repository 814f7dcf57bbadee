#pragma once

// The source directory of an app, as it is pushed.

#include <sys/stat.h>

#include <filesystem>
#include <string>
#include <vector>

#include "image/package.h"

namespace nuri::image {

struct Walk {
  Package package;                   // normalised; files with size, sha256 and sha1
  std::vector<std::string> skipped;  // sockets, pipes and devices, for a warning
  std::string ignored_by;  // the file that said what to leave out; empty: only the defaults
};

// What earlier walks learned, so that a file that did not change since is not read again. May throw
// to end the walk.
class KnownHashes {
 public:
  virtual ~KnownHashes() = default;
  // Fills in size, sha256 and sha1 of file.path, whose attributes these are; false: read it.
  virtual bool find(const struct ::stat& attributes, PackageFile& file) = 0;
  // What reading it gave; the attributes are those before.
  virtual void learn(const struct ::stat& attributes, const PackageFile& file) = 0;
};

// Walks `root` in a fixed order and hashes every file, but those in `known`. What is left out:
// default_ignores(), and what .nuriignore says; if there is none, .cfignore; if there is none,
// every .gitignore for its folder. Symlinks are kept as links. Blocking. Throws nuri::Error naming
// the path: not_found (no such folder), unprocessable (unreadable, a link that points outside, a
// name that cannot be), too_large.
Walk walk_source(const std::filesystem::path& root, const PackageLimits& limits = {},
                 KnownHashes* known = nullptr);

}  // namespace nuri::image

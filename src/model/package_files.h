#pragma once

// The file list of a package: the content of the blob that Package::files names. JSON
// {"version":1,"files":[{"path","mode","size","sha256"}]}, sorted by path, so that the same files
// always give the same digest.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"

namespace nuri::model {

struct PackageFile {
  std::string path;  // relative, '/', no "." or ".." or empty parts
  int mode = 0644;   // permission bits only: 0000 … 0777
  std::int64_t size = 0;
  Digest digest;
  friend bool operator==(const PackageFile&, const PackageFile&) = default;
};

struct PackageFiles {
  std::vector<PackageFile> files;
  friend bool operator==(const PackageFiles&, const PackageFiles&) = default;
  std::int64_t total_bytes() const;
};

// Throws Error{unprocessable} naming the path: absolute, leaves the package, has control
// characters, too long, or would be a file and a directory at once; too_large over
// limits::kUploadFiles, …Bytes.
void validate(const PackageFiles& files);
// True when `path` may stand in a package (the rules of PackageFile::path and limits::kPathBytes).
bool is_package_path(std::string_view path);

// Sorts by path. The text is the same for the same files in any order.
std::string serialize(PackageFiles files);
// Throws Error{data_loss} on what serialize did not write.
PackageFiles parse_package_files(std::string_view text);

}  // namespace nuri::model

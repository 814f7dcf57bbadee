#pragma once

// A zip of files of a directory, made piece by piece while it is read, so that no size needs memory
// or disk. The same files give the same bytes: entries in order, times 1980-01-01, no owners.

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "image/package.h"

namespace nuri::cli {

class ZipStream {
 public:
  // deflate costs more time than it saves where the server is on this machine.
  enum class Compression { none, deflate };
  // Entries of `files` are read below `root`. Throws Error.
  ZipStream(std::filesystem::path root, std::vector<image::PackageFile> files,
            Compression compression);
  ~ZipStream();
  ZipStream(const ZipStream&) = delete;
  ZipStream& operator=(const ZipStream&) = delete;

  // The next bytes, some 64 KiB; empty: the end. Blocks on the disk. Throws Error{conflict} naming
  // a file that changed since it was hashed, unprocessable for one that cannot be read.
  std::string read();
  // Of the files' contents, what was read so far.
  std::uint64_t content_bytes() const { return content_bytes_; }

 private:
  struct State;
  bool begin_next();
  void copy_some();

  std::filesystem::path root_;
  std::vector<image::PackageFile> files_;
  std::unique_ptr<State> state_;
  std::uint64_t content_bytes_ = 0;
};

}  // namespace nuri::cli

#pragma once

// libarchive with owners, Nuri's errors and UTF-8 names whatever the process's locale is.

#include <archive.h>
#include <archive_entry.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"

namespace nuri::image {

struct ArchiveCloser {
  void operator()(archive* a) const { archive_free(a); }  // frees readers and writers alike
};
struct EntryCloser {
  void operator()(archive_entry* e) const { archive_entry_free(e); }
};
using ArchivePtr = std::unique_ptr<archive, ArchiveCloser>;
using EntryPtr = std::unique_ptr<archive_entry, EntryCloser>;

// libarchive takes names to be in the thread's locale; while one of these lives, that is UTF-8.
class Utf8Names {
 public:
  Utf8Names();
  ~Utf8Names();
  Utf8Names(const Utf8Names&) = delete;
  Utf8Names& operator=(const Utf8Names&) = delete;

 private:
  void* made_;
  void* before_;
};

// An Error for what libarchive just reported about `a`, "doing: why". Disk errors keep their code;
// anything else is `otherwise`.
Error archive_failure(archive* a, std::string_view doing, Code otherwise);

// The name of an entry as UTF-8 bytes; empty if it has none that can be.
std::string entry_path(archive_entry* entry);

}  // namespace nuri::image

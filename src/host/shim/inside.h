#pragma once

// Touching files inside an instance's root file system as root, without ever being led out of it:
// every path is resolved with openat2(RESOLVE_IN_ROOT), so a link of the image means what it means
// inside.

#include <sys/types.h>

#include <string_view>

#include "base/fd.h"
#include "host/shim/result.h"

namespace nuri::shim {

struct Inside {
  int root = -1;  // O_PATH descriptor of the root file system
  uid_t uid = 0;  // who owns what is made (ids of the host)
  gid_t gid = 0;

  // O_PATH descriptor of the directory at `path`; it and its parents are made (mode 0755).
  Result<Fd> directory(std::string_view path) const;
  // The same for a file; an empty one is made.
  Result<Fd> file(std::string_view path) const;
  // Replaces what is at `path` by a new file (mode 0644) with `content`.
  Result<> write(std::string_view path, std::string_view content) const;
};

}  // namespace nuri::shim

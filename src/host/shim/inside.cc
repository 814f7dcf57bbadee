#include "host/shim/inside.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace nuri::shim {
namespace {

Fd open_inside(int root, const std::string& path, int flags) {
  struct open_how how{};
  how.flags = static_cast<__u64>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  return Fd(static_cast<int>(::syscall(SYS_openat2, root, path.c_str(), &how, sizeof how)));
}

std::string_view parent_of(std::string_view path) {
  std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos || slash == 0 ? "/" : path.substr(0, slash);
}

std::string name_of(std::string_view path) {
  std::size_t slash = path.rfind('/');
  return std::string(slash == std::string_view::npos ? path : path.substr(slash + 1));
}

}  // namespace

Result<Fd> Inside::directory(std::string_view path) const {
  std::string doing = "cannot make the directory " + std::string(path) + " inside";
  std::size_t end = 0;
  Fd at = open_inside(root, "/", O_PATH | O_DIRECTORY);
  while (at && end < path.size()) {
    std::size_t begin = end + 1;
    end = path.find('/', begin);
    if (end == std::string_view::npos) end = path.size();
    if (begin >= end) continue;
    // Always from the root: a link in the middle is followed, but never outwards.
    Fd next = open_inside(root, std::string(path.substr(0, end)), O_PATH | O_DIRECTORY);
    if (!next && errno == ENOENT) {
      std::string name(path.substr(begin, end - begin));
      if (::mkdirat(at.get(), name.c_str(), 0755) != 0 ||
          ::fchownat(at.get(), name.c_str(), uid, gid, AT_SYMLINK_NOFOLLOW) != 0) {
        return failure(doing, errno);
      }
      next = open_inside(root, std::string(path.substr(0, end)), O_PATH | O_DIRECTORY);
    }
    at = std::move(next);
  }
  if (!at) return failure(doing, errno);
  return at;
}

Result<Fd> Inside::file(std::string_view path) const {
  std::string name(path);
  Fd found = open_inside(root, name, O_PATH);
  if (found) return found;
  if (errno != ENOENT) return failure("cannot open " + name + " inside", errno);
  if (auto made = write(path, ""); !made) return std::unexpected(made.error());
  found = open_inside(root, name, O_PATH);
  if (!found) return failure("cannot open " + name + " inside", errno);
  return found;
}

Result<> Inside::write(std::string_view path, std::string_view content) const {
  auto parent = directory(parent_of(path));
  if (!parent) return std::unexpected(parent.error());
  std::string name = name_of(path);
  std::string doing = "cannot write " + std::string(path) + " inside";
  if (::unlinkat(parent->get(), name.c_str(), 0) != 0 && errno != ENOENT) {
    return failure(doing, errno);
  }
  Fd out(::openat(parent->get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                  0644));
  if (!out || ::fchmod(out.get(), 0644) != 0 || ::fchown(out.get(), uid, gid) != 0 ||
      ::write(out.get(), content.data(), content.size()) != static_cast<ssize_t>(content.size())) {
    return failure(doing, errno);
  }
  return {};
}

}  // namespace nuri::shim

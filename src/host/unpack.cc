#include "host/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "base/limits.h"

namespace nuri::host {
namespace {

constexpr std::string_view kWhiteout = ".wh.";
constexpr std::string_view kOpaque = ".wh..wh..opq";
constexpr std::size_t kPathDepth = 256;
constexpr std::size_t kXattrBytes = 64 * 1024;

struct ArchiveCloser {
  void operator()(archive* a) const { ::archive_read_free(a); }
};
using Archive = std::unique_ptr<archive, ArchiveCloser>;

Error archive_error(archive* a, std::string_view doing) {
  const char* why = ::archive_error_string(a);
  return Error(Code::bad_request, fmt::format("{}: {}", doing, why ? why : "unknown"));
}

// The uncompressed bytes of the blob, hashed and counted on their way to the tar reader.
class Plain {
 public:
  Plain(int blob, std::uint64_t max_bytes) : archive_(::archive_read_new()), max_(max_bytes) {
    ::archive_read_support_filter_gzip(archive_.get());
    ::archive_read_support_filter_zstd(archive_.get());
    ::archive_read_support_format_raw(archive_.get());
    ::archive_read_support_format_empty(archive_.get());
    archive_entry* entry = nullptr;
    if (::archive_read_open_fd(archive_.get(), blob, 256 * 1024) != ARCHIVE_OK)
      throw archive_error(archive_.get(), "reading the layer");
    const int r = ::archive_read_next_header(archive_.get(), &entry);
    if (r == ARCHIVE_EOF) ended_ = true;
    if (r < ARCHIVE_WARN) throw archive_error(archive_.get(), "reading the layer");
  }

  // Valid until the next call; empty at the end.
  std::string_view next() {
    if (ended_) return {};
    const void* data = nullptr;
    std::size_t size = 0;
    la_int64_t offset = 0;
    do {
      const int r = ::archive_read_data_block(archive_.get(), &data, &size, &offset);
      if (r == ARCHIVE_EOF) {
        ended_ = true;
        return {};
      }
      if (r < ARCHIVE_WARN) throw archive_error(archive_.get(), "reading the layer");
    } while (size == 0);
    bytes_ += size;
    if (bytes_ > max_)
      throw Error(Code::too_large, fmt::format("the layer is over {} bytes uncompressed", max_));
    const std::string_view bytes(static_cast<const char*>(data), size);
    hasher_.update(bytes);
    return bytes;
  }

  std::uint64_t bytes() const { return bytes_; }
  Digest finish() { return hasher_.finish(); }
  std::optional<Error> error;  // what next() threw below libarchive, to be thrown above it

 private:
  Archive archive_;
  std::uint64_t max_;
  std::uint64_t bytes_ = 0;
  bool ended_ = false;
  Hasher hasher_;
};

la_ssize_t read_plain(archive* a, void* plain, const void** buffer) {
  auto* self = static_cast<Plain*>(plain);
  try {
    const std::string_view bytes = self->next();
    *buffer = bytes.data();
    return static_cast<la_ssize_t>(bytes.size());
  } catch (const Error& e) {
    self->error = e;
    ::archive_set_error(a, EIO, "%s", e.message().c_str());
    return -1;
  }
}

struct Path {
  std::vector<std::string> parents;
  std::string name;  // empty: the root itself
};

// Nullopt for what cannot be a path of a layer.
std::optional<Path> parse_path(std::string_view text) {
  Path path;
  if (text.size() > PATH_MAX) return std::nullopt;
  std::vector<std::string> parts;
  while (!text.empty()) {
    const auto slash = text.find('/');
    const std::string_view part = text.substr(0, slash);
    text = slash == std::string_view::npos ? "" : text.substr(slash + 1);
    if (part.empty() || part == ".") continue;
    if (part == ".." || part.size() > NAME_MAX) return std::nullopt;
    parts.emplace_back(part);
  }
  if (parts.size() > kPathDepth) return std::nullopt;
  if (parts.empty()) return path;
  path.name = std::move(parts.back());
  parts.pop_back();
  path.parents = std::move(parts);
  return path;
}

std::string joined(const std::vector<std::string>& parts) {
  std::string out = ".";
  for (const std::string& p : parts) out += "/" + p;
  return out;
}

class Tree {
 public:
  explicit Tree(int root) : root_(root) {}

  // The directory, made where it is missing; links on the way stay inside the root.
  Fd parent(const Path& path) {
    Fd fd = open_inside(joined(path.parents));
    if (fd) return fd;
    std::vector<std::string> prefix;
    fd = open_inside(".");
    for (const std::string& part : path.parents) {
      prefix.push_back(part);
      Fd next = open_inside(joined(prefix));
      if (!next && errno == ENOENT && ::mkdirat(fd.get(), part.c_str(), 0755) == 0)
        next = open_inside(joined(prefix));
      if (!next) fail("making the directory", part);
      fd = std::move(next);
    }
    return fd;
  }

  // A link to "/x" means the layer's own /x.
  Fd open_inside(const std::string& path) {
    open_how how{};
    how.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
    how.resolve = RESOLVE_IN_ROOT;
    for (;;) {
      const long fd = ::syscall(SYS_openat2, root_, path.c_str(), &how, sizeof how);
      // EAGAIN: something on this machine was renamed or mounted meanwhile.
      if (fd >= 0 || errno != EAGAIN) return Fd(static_cast<int>(fd));
    }
  }

  [[noreturn]] static void fail(std::string_view doing, std::string_view name) {
    const int err = errno;
    const Error e = system_error(fmt::format("{} {}", doing, name), err);
    throw e.code() == Code::no_space ? e : Error(Code::bad_request, e.message());
  }

 private:
  int root_;
};

class Unpacker {
 public:
  Unpacker(archive* a, int target, const UnpackLimits& limits)
      : archive_(a), tree_(target), root_(target), limits_(limits) {}

  void run() {
    archive_entry* entry = nullptr;
    for (;;) {
      const int r = ::archive_read_next_header(archive_, &entry);
      if (r == ARCHIVE_EOF) break;
      if (r < ARCHIVE_WARN) throw archive_error(archive_, "reading the layer");
      if (++files_ > limits_.files)
        throw Error(Code::too_large, fmt::format("the layer has over {} entries", limits_.files));
      unpack(entry);
    }
    // Deepest first: writing into a directory changes its time.
    for (auto d = dirs_.rbegin(); d != dirs_.rend(); ++d) finish_dir(*d);
  }

 private:
  struct Dir {
    Path path;
    mode_t mode;
    timespec time;
  };

  void unpack(archive_entry* entry) {
    const char* name = ::archive_entry_pathname(entry);
    if (!name) name = ::archive_entry_pathname_utf8(entry);
    const auto path = name ? parse_path(name) : std::nullopt;
    if (!path)
      throw Error(Code::bad_request,
                  fmt::format("the layer has a path that leaves it or is too long: '{}'",
                              std::string_view(name ? name : "").substr(0, 200)));
    if (path->name.empty()) return unpack_root(entry);
    const Fd parent = tree_.parent(*path);
    if (path->name == kOpaque) return make_opaque(parent.get());
    if (path->name.starts_with(kWhiteout)) return make_whiteout(parent.get(), *path);
    if (const char* target = ::archive_entry_hardlink(entry))
      return make_hard_link(parent.get(), *path, target);
    switch (::archive_entry_filetype(entry)) {
      case AE_IFDIR:
        return make_directory(parent.get(), *path, entry);
      case AE_IFREG:
        return make_file(parent.get(), *path, entry);
      case AE_IFLNK:
        return make_symlink(parent.get(), *path, entry);
      case AE_IFIFO:
        return make_fifo(parent.get(), *path, entry);
      default:
        return;  // devices and sockets: a sandbox has its own /dev
    }
  }

  static timespec time_of(archive_entry* e) {
    return {::archive_entry_mtime(e), ::archive_entry_mtime_nsec(e)};
  }

  void unpack_root(archive_entry* entry) {
    dirs_.push_back({{}, ::archive_entry_perm(entry) & 07777, time_of(entry)});
    own(root_, "", entry, AT_EMPTY_PATH);
  }

  static void own(int dir, const std::string& name, archive_entry* entry, int flags) {
    const auto id = [](la_int64_t n) {
      if (n < 0 || n > 65'535)
        throw Error(Code::bad_request, fmt::format("the layer has a file of user id {}; a sandbox "
                                                   "has the ids 0 to 65535",
                                                   n));
      return static_cast<uid_t>(n);
    };
    if (::fchownat(dir, name.c_str(), id(::archive_entry_uid(entry)),
                   id(::archive_entry_gid(entry)), flags) != 0)
      Tree::fail("giving an owner to", name);
  }

  // What is there and is not a directory goes: a later entry of one name wins.
  static void clear(int parent, const std::string& name) {
    if (::unlinkat(parent, name.c_str(), 0) == 0 || errno == ENOENT) return;
    if (errno == EISDIR && ::unlinkat(parent, name.c_str(), AT_REMOVEDIR) == 0) return;
    Tree::fail("replacing", name);
  }

  void make_opaque(int parent) {
    if (::fsetxattr(parent, "user.overlay.opaque", "y", 1, 0) != 0)
      Tree::fail("marking a directory as", "opaque");
  }

  void make_whiteout(int parent, const Path& path) {
    const std::string hidden = path.name.substr(kWhiteout.size());
    if (hidden.empty() || hidden == "." || hidden == "..")
      throw Error(Code::bad_request, "the layer has a whiteout of nothing");
    if (::mknodat(parent, hidden.c_str(), S_IFCHR, makedev(0, 0)) != 0 && errno != EEXIST)
      Tree::fail("making the whiteout of", hidden);
  }

  void make_hard_link(int parent, const Path& path, const char* target) {
    const auto to = parse_path(target);
    if (!to || to->name.empty())
      throw Error(Code::bad_request, fmt::format("the hard link '{}' leads out", path.name));
    const Fd from = tree_.open_inside(joined(to->parents));
    if (!from) Tree::fail("linking to", to->name);
    clear(parent, path.name);
    if (::linkat(from.get(), to->name.c_str(), parent, path.name.c_str(), 0) != 0)
      Tree::fail("making the hard link", path.name);
  }

  void make_directory(int parent, const Path& path, archive_entry* entry) {
    struct stat st{};
    const bool there =
        ::fstatat(parent, path.name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
    if (!there) {
      clear(parent, path.name);
      if (::mkdirat(parent, path.name.c_str(), 0700) != 0)
        Tree::fail("making the directory", path.name);
    }
    own(parent, path.name, entry, AT_SYMLINK_NOFOLLOW);
    const Fd dir(
        ::openat(parent, path.name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!dir) Tree::fail("opening the directory", path.name);
    set_xattrs(dir.get(), entry);
    dirs_.push_back({path, ::archive_entry_perm(entry) & 07777, time_of(entry)});
  }

  void make_file(int parent, const Path& path, archive_entry* entry) {
    clear(parent, path.name);
    const Fd fd(::openat(parent, path.name.c_str(),
                         O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!fd) Tree::fail("making the file", path.name);
    copy_data(fd.get(), path.name, ::archive_entry_size(entry));
    own(fd.get(), "", entry, AT_EMPTY_PATH);
    set_xattrs(fd.get(), entry);
    if (::fchmod(fd.get(), ::archive_entry_perm(entry) & 0777) != 0)
      Tree::fail("setting the mode of", path.name);
    const timespec times[2] = {time_of(entry), time_of(entry)};
    ::futimens(fd.get(), times);
  }

  void copy_data(int fd, const std::string& name, la_int64_t size) {
    const void* data = nullptr;
    std::size_t n = 0;
    la_int64_t offset = 0;
    for (;;) {
      const int r = ::archive_read_data_block(archive_, &data, &n, &offset);
      if (r == ARCHIVE_EOF) break;
      if (r < ARCHIVE_WARN) throw archive_error(archive_, "reading the layer");
      for (std::size_t done = 0; done < n;) {
        const ssize_t w = ::pwrite(fd, static_cast<const char*>(data) + done, n - done,
                                   offset + static_cast<la_int64_t>(done));
        if (w < 0 && errno != EINTR) Tree::fail("writing", name);
        if (w > 0) done += static_cast<std::size_t>(w);
      }
    }
    if (::ftruncate(fd, size) != 0) Tree::fail("writing", name);  // a hole at the end
  }

  void make_symlink(int parent, const Path& path, archive_entry* entry) {
    const char* target = ::archive_entry_symlink(entry);
    if (!target || !*target) throw Error(Code::bad_request, "the layer has a link to nothing");
    clear(parent, path.name);
    if (::symlinkat(target, parent, path.name.c_str()) != 0)
      Tree::fail("making the link", path.name);
    own(parent, path.name, entry, AT_SYMLINK_NOFOLLOW);
    const timespec times[2] = {time_of(entry), time_of(entry)};
    ::utimensat(parent, path.name.c_str(), times, AT_SYMLINK_NOFOLLOW);
  }

  void make_fifo(int parent, const Path& path, archive_entry* entry) {
    clear(parent, path.name);
    if (::mkfifoat(parent, path.name.c_str(), ::archive_entry_perm(entry) & 0777) != 0)
      Tree::fail("making the pipe", path.name);
    own(parent, path.name, entry, AT_SYMLINK_NOFOLLOW);
  }

  // user.* alone, and nothing that overlayfs would read: a layer must not say what another one
  // shows.
  static void set_xattrs(int fd, archive_entry* entry) {
    ::archive_entry_xattr_reset(entry);
    const char* name = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    while (::archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK) {
      const std::string_view n = name;
      if (!n.starts_with("user.") || n.starts_with("user.overlay.") || size > kXattrBytes) continue;
      ::fsetxattr(fd, name, value, size, 0);
    }
  }

  void finish_dir(const Dir& d) {
    Path self = d.path;
    if (!self.name.empty()) self.parents.push_back(self.name);
    const Fd dir = tree_.open_inside(joined(self.parents));
    if (!dir) return;  // replaced by a later entry
    if (::fchmod(dir.get(), d.mode) != 0) Tree::fail("setting the mode of", d.path.name);
    const timespec times[2] = {d.time, d.time};
    ::futimens(dir.get(), times);
  }

  archive* archive_;
  Tree tree_;
  int root_;
  UnpackLimits limits_;
  std::uint64_t files_ = 0;
  std::vector<Dir> dirs_;
};

}  // namespace

std::uint64_t unpack_layer(int blob, int target, const Digest& diff_id,
                           const UnpackLimits& limits) {
  Plain plain(blob, limits.bytes);
  {
    Archive tar(::archive_read_new());
    ::archive_read_support_format_tar(tar.get());
    ::archive_read_support_format_empty(tar.get());
    try {
      if (::archive_read_open(tar.get(), &plain, nullptr, read_plain, nullptr) != ARCHIVE_OK)
        throw archive_error(tar.get(), "reading the layer");
      Unpacker(tar.get(), target, limits).run();
    } catch (const Error&) {
      if (plain.error) throw *plain.error;
      throw;
    }
  }
  while (!plain.next().empty()) {
  }
  const Digest found = plain.finish();
  if (found != diff_id)
    throw Error(Code::data_loss, fmt::format("the layer's content is {}, not {}: it was damaged or "
                                             "wrongly named; upload it again",
                                             found.str(), diff_id.str()));
  return plain.bytes();
}

}  // namespace nuri::host

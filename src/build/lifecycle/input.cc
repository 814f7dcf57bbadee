#include "build/lifecycle/input.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/limits.h"
#include "build/lifecycle/layer_time.h"

namespace nuri::lifecycle {
namespace {

struct FreeArchive {
  void operator()(archive* a) const { archive_read_free(a); }
};
using Archive = std::unique_ptr<archive, FreeArchive>;

[[noreturn]] void refuse(std::string_view path, std::string_view why) {
  throw Error(Code::bad_request, fmt::format("the upload's entry '{}' {}", path, why));
}

// The components of a relative path; refuses empty, absolute, "." and ".." ones.
std::vector<std::string> components(std::string_view path, std::string_view name) {
  if (path.empty() || path.size() > limits::kPathBytes)
    refuse(name, fmt::format("has an empty path or one over {} bytes", limits::kPathBytes));
  std::vector<std::string> out;
  std::string_view rest = path;
  while (rest.ends_with('/')) rest.remove_suffix(1);
  while (true) {
    const auto slash = rest.find('/');
    const std::string_view part = rest.substr(0, slash);
    if (part.empty() || part == "." || part == "..") refuse(name, "leaves its directory");
    out.emplace_back(part);
    if (slash == std::string_view::npos) return out;
    rest.remove_prefix(slash + 1);
  }
}

// Whether a link at `where` (components, the last is its own name) that points to `target` stays
// inside.
bool stays_inside(const std::vector<std::string>& where, std::string_view target) {
  if (target.empty() || target.front() == '/') return false;
  long depth = static_cast<long>(where.size()) - 1;
  while (!target.empty()) {
    const auto slash = target.find('/');
    const std::string_view name = target.substr(0, slash);
    if (name == "..")
      --depth;
    else if (!name.empty() && name != ".")
      ++depth;
    if (depth < 0) return false;
    if (slash == std::string_view::npos) break;
    target.remove_prefix(slash + 1);
  }
  return true;
}

Fd open_directory(const std::filesystem::path& path) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) throw system_error(fmt::format("cannot open {}", path.string()), errno);
  return fd;
}

// The directory that holds the last component; makes the ones in between.
Fd enter(int root, const std::vector<std::string>& path, std::size_t count, std::string_view name) {
  Fd at(::fcntl(root, F_DUPFD_CLOEXEC, 3));
  for (std::size_t i = 0; i < count; ++i) {
    if (::mkdirat(at.get(), path[i].c_str(), 0755) != 0 && errno != EEXIST)
      throw system_error(fmt::format("cannot make the directory of '{}'", name), errno);
    Fd next(::openat(at.get(), path[i].c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!next) refuse(name, "goes through something that is not a directory");
    at = std::move(next);
  }
  return at;
}

void stamp(int directory, const std::string& name) {
  const timespec time{kLayerTime, 0};
  const std::array<timespec, 2> times{time, time};
  ::utimensat(directory, name.c_str(), times.data(), AT_SYMLINK_NOFOLLOW);
}

std::string read_text(archive* a, std::string_view name, std::size_t limit) {
  std::string text;
  std::array<char, 64 * limits::kKiB> buffer;
  for (;;) {
    const la_ssize_t n = archive_read_data(a, buffer.data(), buffer.size());
    if (n < 0)
      throw Error(Code::bad_request, fmt::format("the build's input is damaged in '{}': {}", name,
                                                 archive_error_string(a)));
    if (n == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(n));
    if (text.size() > limit)
      throw Error(Code::too_large, fmt::format("'{}' is larger than {} bytes", name, limit));
  }
}

void write_chunk(int fd, std::string_view bytes, std::string_view name) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw system_error(fmt::format("cannot write '{}'", name), errno);
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

class Unpacker {
 public:
  Unpacker(archive* a, const InputPlaces& places)
      : archive_(a),
        workspace_(open_directory(places.workspace)),
        platform_(open_directory(places.platform)) {}

  void entry(archive_entry* e) {
    // The UTF-8 form first: the other one depends on a locale, which a build sandbox need not have.
    const char* raw = archive_entry_pathname_utf8(e);
    if (!raw) raw = archive_entry_pathname(e);
    const std::string name = raw ? raw : "";
    if (input_.build_json.empty()) {
      if (name != "build.json") refuse(name, "comes before build.json");
      input_.build_json = read_text(archive_, name, limits::kBuildRequestBytes);
      return;
    }
    if (name == "app" || name == "app/") return;
    if (archive_entry_hardlink(e)) refuse(name, "is a hard link");
    if (name.starts_with("app/")) {
      node(e, workspace_.get(), name, components(name.substr(4), name));
    } else if (name == "platform/ca.crt" && archive_entry_filetype(e) == AE_IFREG) {
      node(e, platform_.get(), name, {"ca.crt"});
      input_.has_ca = true;
    } else {
      refuse(name, "is neither build.json nor under app/");
    }
  }

  Input take() { return std::move(input_); }

 private:
  void node(archive_entry* e, int root, const std::string& name,
            const std::vector<std::string>& path) {
    if (++input_.files > limits::kUploadFiles)
      throw Error(Code::too_large,
                  fmt::format("the app has more than {} files", limits::kUploadFiles));
    const auto type = archive_entry_filetype(e);
    if (type == AE_IFDIR) {
      enter(root, path, path.size(), name);
      return;
    }
    const Fd at = enter(root, path, path.size() - 1, name);
    if (type == AE_IFLNK) {
      const char* target = archive_entry_symlink_utf8(e);
      if (!target) target = archive_entry_symlink(e);
      if (!target || !stays_inside(path, target))
        refuse(name,
               fmt::format("is a link to '{}', which is outside the app", target ? target : ""));
      if (::symlinkat(target, at.get(), path.back().c_str()) != 0) clash(name);
    } else if (type == AE_IFREG) {
      file(e, at.get(), name, path.back());
    } else {
      refuse(name, "is neither a file, a directory nor a link");
    }
    stamp(at.get(), path.back());
  }

  void file(archive_entry* e, int at, const std::string& name, const std::string& last) {
    const unsigned mode = (archive_entry_perm(e) & 0111) ? 0755 : 0644;
    const Fd out(
        ::openat(at, last.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
    if (!out) clash(name);
    ::fchmod(out.get(), mode);
    std::uint64_t size = 0;
    for (;;) {
      const la_ssize_t n = archive_read_data(archive_, buffer_.data(), buffer_.size());
      if (n < 0)
        throw Error(Code::bad_request, fmt::format("the build's input is damaged in '{}': {}", name,
                                                   archive_error_string(archive_)));
      if (n == 0) return;
      size += static_cast<std::uint64_t>(n);
      total_ += static_cast<std::uint64_t>(n);
      if (size > limits::kFileBytes || total_ > limits::kUploadBytes)
        throw Error(Code::too_large,
                    fmt::format("'{}' takes the app over {} bytes a file or {} in all", name,
                                limits::kFileBytes, limits::kUploadBytes));
      write_chunk(out.get(), {buffer_.data(), static_cast<std::size_t>(n)}, name);
    }
  }

  [[noreturn]] void clash(const std::string& name) {
    if (errno == EEXIST) refuse(name, "is there twice");
    throw system_error(fmt::format("cannot create '{}'", name), errno);
  }

  archive* archive_;
  Fd workspace_;
  Fd platform_;
  Input input_;
  std::uint64_t total_ = 0;
  std::vector<char> buffer_ = std::vector<char>(256 * limits::kKiB);
};

}  // namespace

Input unpack_input(int fd, const InputPlaces& places) {
  const Archive a(archive_read_new());
  archive_read_support_format_tar(a.get());
  if (archive_read_open_fd(a.get(), fd, 256 * limits::kKiB) != ARCHIVE_OK)
    throw Error(Code::bad_request,
                fmt::format("the build's input is not a tar: {}", archive_error_string(a.get())));
  Unpacker unpacker(a.get(), places);
  for (;;) {
    archive_entry* e = nullptr;
    const int got = archive_read_next_header(a.get(), &e);
    if (got == ARCHIVE_EOF) break;
    // A warning is about a name that the locale cannot hold; entry() asks for the bytes.
    if (got != ARCHIVE_OK && got != ARCHIVE_WARN)
      throw Error(Code::bad_request,
                  fmt::format("the build's input is damaged: {}", archive_error_string(a.get())));
    unpacker.entry(e);
  }
  Input input = unpacker.take();
  if (input.build_json.empty())
    throw Error(Code::bad_request, "the build's input has no build.json");
  return input;
}

}  // namespace nuri::lifecycle

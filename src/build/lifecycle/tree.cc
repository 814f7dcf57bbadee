#include "build/lifecycle/tree.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <vector>

#include "base/fd.h"

namespace nuri::lifecycle {
namespace {

struct stat stat_of(const fs::path& path) {
  struct stat st;
  if (::lstat(path.c_str(), &st) != 0)
    throw system_error(fmt::format("cannot look at {}", path.string()), errno);
  return st;
}

std::string link_of(const fs::path& path) {
  std::error_code ec;
  const fs::path target = fs::read_symlink(path, ec);
  if (ec) throw system_error(fmt::format("cannot read the link {}", path.string()), ec.value());
  return target.string();
}

void write_all(int fd, std::string_view text, const fs::path& path) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw system_error(fmt::format("cannot write {}", path.string()), errno);
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

template <class Visit>
void visit_tree(const fs::path& root, const std::string& below, std::size_t& count, Visit&& visit) {
  std::error_code ec;
  for (fs::directory_iterator it(root / below, ec), end; !ec && it != end; it.increment(ec)) {
    if (++count > limits::kLayerNodes)
      throw Error(Code::too_large, fmt::format("{} holds more than {} files and directories",
                                               root.string(), limits::kLayerNodes));
    const std::string name = it->path().filename().string();
    const std::string path = below.empty() ? name : below + "/" + name;
    const struct stat st = stat_of(root / path);
    visit(path, st);
    if (S_ISDIR(st.st_mode)) visit_tree(root, path, count, visit);
  }
  if (ec) throw system_error(fmt::format("cannot list {}", (root / below).string()), ec.value());
}

Node node_of(const fs::path& path, const struct stat& st) {
  Node node;
  node.mode = st.st_mode & 07777;
  node.mtime_s = st.st_mtim.tv_sec;
  if (S_ISDIR(st.st_mode)) {
    node.kind = NodeKind::directory;
  } else if (S_ISLNK(st.st_mode)) {
    node.kind = NodeKind::link;
    node.link = link_of(path);
  } else {
    node.size = static_cast<std::uint64_t>(st.st_size);
  }
  return node;
}

bool is_content(const struct stat& st) {
  return S_ISDIR(st.st_mode) || S_ISLNK(st.st_mode) || S_ISREG(st.st_mode);
}

void set_times(const fs::path& path, const struct stat& st) {
  const std::array<timespec, 2> times{st.st_mtim, st.st_mtim};
  ::utimensat(AT_FDCWD, path.c_str(), times.data(), AT_SYMLINK_NOFOLLOW);
}

void copy_file(const fs::path& from, const fs::path& to, const struct stat& st) {
  const Fd in(::open(from.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!in) throw system_error(fmt::format("cannot read {}", from.string()), errno);
  const Fd out(::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, st.st_mode & 0777));
  if (!out) throw system_error(fmt::format("cannot create {}", to.string()), errno);
  bool started = false;
  for (;;) {
    const ssize_t n = ::copy_file_range(in.get(), nullptr, out.get(), nullptr, 64 << 20, 0);
    if (n == 0) break;
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && !started && (errno == EXDEV || errno == EINVAL || errno == EOPNOTSUPP)) {
      std::array<char, 128 * limits::kKiB> buffer;
      ssize_t got = 0;
      while ((got = ::read(in.get(), buffer.data(), buffer.size())) > 0) {
        write_all(out.get(), {buffer.data(), static_cast<std::size_t>(got)}, to);
      }
      if (got < 0) throw system_error(fmt::format("cannot read {}", from.string()), errno);
      break;
    }
    if (n < 0)
      throw system_error(fmt::format("cannot copy {} to {}", from.string(), to.string()), errno);
    started = true;
  }
  if (::fchmod(out.get(), st.st_mode & 0777) != 0)
    throw system_error(fmt::format("cannot set the mode of {}", to.string()), errno);
  const std::array<timespec, 2> times{st.st_mtim, st.st_mtim};
  ::futimens(out.get(), times.data());
}

}  // namespace

std::optional<std::string> read_file(const fs::path& path, std::size_t limit_bytes) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd && (errno == ENOENT || errno == ENOTDIR)) return std::nullopt;
  if (!fd) throw system_error(fmt::format("cannot open {}", path.string()), errno);
  std::string text;
  std::array<char, 64 * limits::kKiB> buffer;
  for (;;) {
    const ssize_t n = ::read(fd.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw system_error(fmt::format("cannot read {}", path.string()), errno);
    if (n == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(n));
    if (text.size() > limit_bytes)
      throw Error(Code::too_large,
                  fmt::format("{} is larger than {} bytes", path.string(), limit_bytes));
  }
}

void write_file(const fs::path& path, std::string_view text, unsigned mode) {
  const Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
  if (!fd) throw system_error(fmt::format("cannot create {}", path.string()), errno);
  write_all(fd.get(), text, path);
}

void replace_file(const fs::path& path, std::string_view text) {
  fs::path fresh = path;
  fresh += ".new";
  {
    const Fd fd(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (!fd) throw system_error(fmt::format("cannot create {}", fresh.string()), errno);
    write_all(fd.get(), text, fresh);
    if (::fsync(fd.get()) != 0)
      throw system_error(fmt::format("cannot write {} to disk", fresh.string()), errno);
  }
  if (::rename(fresh.c_str(), path.c_str()) != 0)
    throw system_error(fmt::format("cannot rename {}", fresh.string()), errno);
}

bool is_real_directory(const fs::path& path) {
  struct stat st;
  return ::lstat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode);
}

bool is_file(const fs::path& path) {
  struct stat st;
  return ::stat(path.c_str(), &st) == 0 && S_ISREG(st.st_mode);
}

Tree walk(const fs::path& root) {
  Tree tree;
  std::size_t count = 0;
  visit_tree(root, "", count, [&](const std::string& path, const struct stat& st) {
    if (is_content(st)) tree.emplace(path, node_of(root / path, st));
  });
  return tree;
}

void copy_tree(const fs::path& from, const fs::path& to) {
  std::size_t count = 0;
  std::vector<std::pair<fs::path, struct stat>> directories{{to, stat_of(from)}};
  fs::create_directory(to);
  visit_tree(from, "", count, [&](const std::string& path, const struct stat& st) {
    if (!is_content(st)) return;
    const fs::path target = to / path;
    if (S_ISDIR(st.st_mode)) {
      fs::create_directory(target);
      directories.emplace_back(target, st);
    } else if (S_ISLNK(st.st_mode)) {
      fs::create_symlink(link_of(from / path), target);
      set_times(target, st);
    } else {
      copy_file(from / path, target, st);
    }
  });
  // Last, as a file made in a directory changes its time, and its mode may forbid making one.
  for (auto it = directories.rbegin(); it != directories.rend(); ++it) {
    ::chmod(it->first.c_str(), it->second.st_mode & 0777);
    set_times(it->first, it->second);
  }
}

void remove_tree(const fs::path& path) {
  std::error_code ec;
  fs::remove_all(path, ec);
  if (!ec) return;
  std::size_t count = 0;
  ::chmod(path.c_str(), 0700);
  visit_tree(path, "", count, [&](const std::string& below, const struct stat& st) {
    if (S_ISDIR(st.st_mode)) ::chmod((path / below).c_str(), 0700);
  });
  fs::remove_all(path, ec);
  if (ec) throw system_error(fmt::format("cannot remove {}", path.string()), ec.value());
}

}  // namespace nuri::lifecycle

#include "host/kernel_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <memory>

#include "base/error.h"

namespace nuri::host {
namespace {

std::string read_all(int fd, const std::string& path) {
  std::string out;
  char buffer[16384];
  for (;;) {
    const ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw system_error(fmt::format("reading {}", path), errno);
    if (n == 0) return out;
    out.append(buffer, static_cast<std::size_t>(n));
    if (out.size() > kSmallFileBytes)
      throw Error(Code::too_large, fmt::format("{} is over {} bytes", path, kSmallFileBytes));
  }
}

void write_all(int fd, std::string_view text, const std::string& path) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw system_error(fmt::format("writing {}", path), errno);
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

std::string parent_of(const std::string& path) {
  const auto slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

struct DirCloser {
  void operator()(DIR* d) const { ::closedir(d); }
};

// Takes the descriptor.
std::vector<std::string> names_in(Fd fd, const std::string& path) {
  std::unique_ptr<DIR, DirCloser> dir(::fdopendir(fd.get()));
  if (!dir) throw system_error(fmt::format("listing {}", path), errno);
  fd.release();
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(dir.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  std::ranges::sort(names);
  return names;
}

constexpr int kMaxDepth = 4096;

void remove_below(int dir, const std::string& name, dev_t device, int depth) {
  if (::unlinkat(dir, name.c_str(), 0) == 0 || errno == ENOENT) return;
  if (errno != EISDIR && errno != EPERM)
    throw system_error(fmt::format("removing {}", name), errno);
  Fd fd(::openat(dir, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) throw system_error(fmt::format("removing {}", name), errno);
  struct stat st{};
  if (::fstat(fd.get(), &st) != 0) throw system_error(fmt::format("removing {}", name), errno);
  if ((device && st.st_dev != device) || depth > kMaxDepth)
    throw Error(Code::conflict, fmt::format("{} is a mount point or too deep: not removed", name));
  Fd listing(::openat(fd.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (const std::string& child : names_in(std::move(listing), name))
    remove_below(fd.get(), child, st.st_dev, depth + 1);
  if (::unlinkat(dir, name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT)
    throw system_error(fmt::format("removing {}", name), errno);
}

}  // namespace

std::optional<std::string> read_file_if_there(const std::string& path) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd && (errno == ENOENT || errno == ENODEV)) return std::nullopt;
  if (!fd) throw system_error(fmt::format("opening {}", path), errno);
  return read_all(fd.get(), path);
}

std::string read_file(const std::string& path) {
  auto text = read_file_if_there(path);
  if (!text) throw Error(Code::not_found, fmt::format("{} is not there", path));
  return *std::move(text);
}

void write_kernel_file(const std::string& path, std::string_view text) {
  Fd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd) throw system_error(fmt::format("opening {}", path), errno);
  if (::write(fd.get(), text.data(), text.size()) < 0)
    throw system_error(fmt::format("writing '{}' to {}", text, path), errno);
}

void write_record(const std::string& path, std::string_view text, Survives survives,
                  unsigned mode) {
  const std::string temp = path + ".tmp";
  ::unlink(temp.c_str());
  Fd fd(::open(temp.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode));
  if (!fd) throw system_error(fmt::format("making {}", temp), errno);
  write_all(fd.get(), text, temp);
  const bool sync = survives == Survives::power;
  if (::fchmod(fd.get(), mode) != 0 || (sync && ::fsync(fd.get()) != 0))
    throw system_error(fmt::format("writing {}", temp), errno);
  if (::rename(temp.c_str(), path.c_str()) != 0)
    throw system_error(fmt::format("renaming {} to {}", temp, path), errno);
  if (!sync) return;
  Fd dir = open_dir(parent_of(path));
  if (::fsync(dir.get()) != 0)
    throw system_error(fmt::format("syncing {}", parent_of(path)), errno);
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\n");
  if (first == std::string_view::npos) return std::nullopt;
  text = text.substr(first, text.find_last_not_of(" \t\n") - first + 1);
  std::uint64_t n = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (ec != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return n;
}

std::uint64_t keyed_number(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    const auto end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    if (line.size() > key.size() && line.starts_with(key) && line[key.size()] == ' ')
      return parse_number(line.substr(key.size())).value_or(0);
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return 0;
}

Fd open_dir(const std::string& path) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) throw system_error(fmt::format("opening {}", path), errno);
  return fd;
}

Fd make_dir(const std::string& path, unsigned mode) {
  if (::mkdir(path.c_str(), mode) != 0) {
    if (errno == ENOENT) {
      make_dir(parent_of(path), 0755);
      return make_dir(path, mode);
    }
    if (errno != EEXIST) throw system_error(fmt::format("making {}", path), errno);
    return open_dir(path);
  }
  Fd fd = open_dir(path);
  if (::fchmod(fd.get(), mode) != 0) throw system_error(fmt::format("making {}", path), errno);
  return fd;
}

std::vector<std::string> list_dir(const std::string& path) {
  return names_in(open_dir(path), path);
}

void remove_tree(int dir, const std::string& name) { remove_below(dir, name, 0, 0); }

void remove_tree(const std::string& path) {
  Fd parent(::open(parent_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!parent && errno == ENOENT) return;
  if (!parent) throw system_error(fmt::format("removing {}", path), errno);
  remove_below(parent.get(), path.substr(path.find_last_of('/') + 1), 0, 0);
}

}  // namespace nuri::host

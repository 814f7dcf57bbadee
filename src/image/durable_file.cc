#include "image/durable_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/error.h"
#include "base/fd.h"

namespace nuri::image {

void write_all(int fd, std::string_view bytes, std::string_view what) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw system_error(fmt::format("writing {}", what), errno);
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

std::string read_all(int fd, std::size_t limit_bytes, std::string_view what) {
  std::string out;
  std::array<char, 16 * 1024> buffer;
  for (;;) {
    const ssize_t n = ::read(fd, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw system_error(fmt::format("reading {}", what), errno);
    if (n == 0) return out;
    out.append(buffer.data(), static_cast<std::size_t>(n));
    if (out.size() > limit_bytes)
      throw Error(Code::too_large, fmt::format("{} is over {} bytes", what, limit_bytes));
  }
}

void sync_folder(int fd, std::string_view what) {
  if (::fsync(fd) != 0) throw system_error(fmt::format("flushing {}", what), errno);
}

void replace_file(const std::filesystem::path& path, std::string_view bytes) {
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  const std::filesystem::path temp = path.string() + ".new";
  Fd file(::open(temp.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!file) throw system_error(fmt::format("creating {}", temp.string()), errno);
  write_all(file.get(), bytes, temp.string());
  if (::fsync(file.get()) != 0)
    throw system_error(fmt::format("flushing {}", temp.string()), errno);
  if (::rename(temp.c_str(), path.c_str()) != 0)
    throw system_error(fmt::format("renaming {} to {}", temp.string(), path.string()), errno);
  const Fd parent(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!parent) throw system_error(fmt::format("opening {}", folder.string()), errno);
  sync_folder(parent.get(), folder.string());
}

std::string read_file(const std::filesystem::path& path, std::size_t limit_bytes) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) throw system_error(fmt::format("opening {}", path.string()), errno);
  return read_all(file.get(), limit_bytes, path.string());
}

}  // namespace nuri::image

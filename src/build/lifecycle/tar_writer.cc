#include "build/lifecycle/tar_writer.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "base/limits.h"

namespace nuri::lifecycle {
namespace {

constexpr std::size_t kBlock = 512;
constexpr std::uint64_t kMaxOctalSize = 077777777777;  // 8 GiB - 1

struct Header {
  char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100],
      magic[6], version[2], user[32], group[32], major[8], minor[8], prefix[155], rest[12];
};
static_assert(sizeof(Header) == kBlock);

template <std::size_t N>
void octal(char (&field)[N], std::uint64_t value) {
  const std::string text = fmt::format("{:0{}o}", value, N - 1);
  std::memcpy(field, text.data(), N - 1);
}

template <std::size_t N>
void copy(char (&field)[N], std::string_view text) {
  text.copy(field, N);
}

void seal(Header& header) {
  std::memset(header.checksum, ' ', sizeof header.checksum);
  unsigned sum = 0;
  for (std::size_t i = 0; i < kBlock; ++i)
    sum += reinterpret_cast<const unsigned char*>(&header)[i];
  const std::string text = fmt::format("{:06o}", sum);
  std::memcpy(header.checksum, text.data(), 6);
  header.checksum[6] = '\0';
}

// "LEN key=value\n", where LEN counts itself.
std::string pax_record(std::string_view key, std::string_view value) {
  const std::size_t body = key.size() + value.size() + 3;
  std::size_t length = body + 1;
  while (std::to_string(length).size() + body != length)
    length = std::to_string(length).size() + body;
  return fmt::format("{} {}={}\n", length, key, value);
}

// Where to cut a path into ustar's prefix and name; npos when it does not fit.
std::size_t cut(std::string_view path) {
  for (std::size_t at = path.find('/'); at != std::string_view::npos; at = path.find('/', at + 1))
    if (at > 0 && at <= 155 && path.size() - at - 1 <= 100 && at + 1 < path.size()) return at;
  return std::string_view::npos;
}

Header base_header(const TarEntry& entry, char type, std::uint64_t size) {
  Header header;
  std::memset(&header, 0, sizeof header);
  octal(header.mode, entry.mode & 07777);
  octal(header.uid, entry.owner);
  octal(header.gid, entry.owner);
  octal(header.size, size);
  octal(header.mtime, static_cast<std::uint64_t>(std::max<std::int64_t>(entry.mtime, 0)));
  header.type = type;
  std::memcpy(header.magic, "ustar", 6);
  std::memcpy(header.version, "00", 2);
  return header;
}

std::string_view bytes_of(const Header& header) {
  return {reinterpret_cast<const char*>(&header), kBlock};
}

}  // namespace

void TarWriter::header(const TarEntry& entry, char type, std::uint64_t size,
                       std::string_view target) {
  std::string records;
  Header header = base_header(entry, type, std::min(size, kMaxOctalSize));
  if (entry.path.size() <= sizeof header.name) {
    copy(header.name, entry.path);
  } else if (const std::size_t at = cut(entry.path); at != std::string_view::npos) {
    copy(header.prefix, std::string_view(entry.path).substr(0, at));
    copy(header.name, std::string_view(entry.path).substr(at + 1));
  } else {
    records += pax_record("path", entry.path);
    copy(header.name, entry.path);
  }
  copy(header.link, target);
  if (target.size() > sizeof header.link) records += pax_record("linkpath", target);
  if (size > kMaxOctalSize) records += pax_record("size", std::to_string(size));
  if (!records.empty()) {
    Header extended = base_header(entry, 'x', records.size());
    copy(extended.name, "pax");
    seal(extended);
    sink_(bytes_of(extended));
    sink_(records);
    pad(records.size());
  }
  seal(header);
  sink_(bytes_of(header));
}

void TarWriter::pad(std::uint64_t size) {
  static constexpr std::array<char, kBlock> kZeros{};
  if (const std::size_t over = size % kBlock; over != 0) sink_({kZeros.data(), kBlock - over});
}

void TarWriter::directory(const TarEntry& entry) {
  TarEntry named = entry;
  if (!named.path.ends_with('/')) named.path += '/';
  header(named, '5', 0, {});
}

void TarWriter::link(const TarEntry& entry, std::string_view target) {
  header(entry, '2', 0, target);
}

void TarWriter::text(const TarEntry& entry, std::string_view content) {
  header(entry, '0', content.size(), {});
  sink_(content);
  pad(content.size());
}

void TarWriter::file(const TarEntry& entry, const std::filesystem::path& source,
                     std::uint64_t size) {
  const Fd fd(::open(source.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd) throw system_error(fmt::format("cannot read {}", source.string()), errno);
  header(entry, '0', size, {});
  std::vector<char> buffer(256 * limits::kKiB);
  std::uint64_t left = size;
  while (left > 0) {
    const ssize_t n = ::read(fd.get(), buffer.data(), std::min<std::uint64_t>(buffer.size(), left));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw system_error(fmt::format("cannot read {}", source.string()), errno);
    if (n == 0)
      throw Error(Code::conflict,
                  fmt::format("{} became shorter while it was packed", source.string()));
    sink_({buffer.data(), static_cast<std::size_t>(n)});
    left -= static_cast<std::uint64_t>(n);
  }
  pad(size);
}

void TarWriter::stream(const TarEntry& entry, std::uint64_t size,
                       const std::function<void(const Sink&)>& produce) {
  header(entry, '0', size, {});
  std::uint64_t given = 0;
  produce([&](std::string_view bytes) {
    given += bytes.size();
    if (given <= size) sink_(bytes);
  });
  if (given != size)
    throw Error(Code::conflict,
                fmt::format("{} has {} bytes in place of {}: it changed while it was packed",
                            entry.path, given, size));
  pad(size);
}

void TarWriter::finish() {
  const std::string zeros(2 * kBlock, '\0');
  sink_(zeros);
}

}  // namespace nuri::lifecycle

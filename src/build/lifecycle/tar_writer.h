#pragma once

// A POSIX tar (IEEE 1003.1-2017, pax; ustar headers where they suffice) with nothing in it that is
// not asked for: the same calls give the same bytes on every machine.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

namespace nuri::lifecycle {

struct TarEntry {
  std::string path;  // no leading '/'; directories get their '/' here
  unsigned mode = 0644;
  unsigned owner = 0;  // user and group id
  std::int64_t mtime = 0;
};

class TarWriter {
 public:
  // Gets all bytes in order; may throw.
  using Sink = std::function<void(std::string_view)>;
  explicit TarWriter(Sink sink) : sink_(std::move(sink)) {}

  void directory(const TarEntry& entry);
  void link(const TarEntry& entry, std::string_view target);
  void text(const TarEntry& entry, std::string_view content);
  // The file at `source`, which must have `size` bytes and keep them: throws Error when it does
  // not.
  void file(const TarEntry& entry, const std::filesystem::path& source, std::uint64_t size);
  // A file of `size` bytes that `produce` gives to the sink it is called with. Throws Error when it
  // gives another number of bytes.
  void stream(const TarEntry& entry, std::uint64_t size,
              const std::function<void(const Sink&)>& produce);
  // The two empty blocks at the end. Nothing may follow.
  void finish();

 private:
  void header(const TarEntry& entry, char type, std::uint64_t size, std::string_view target);
  void pad(std::uint64_t size);

  Sink sink_;
};

}  // namespace nuri::lifecycle

#pragma once

// What happened in a history, one line an event: hashed always (the same seed must give the same
// history), kept only when a failing seed is run again to be shown.

#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace nuri::sim {

class Trace {
 public:
  explicit Trace(const Clock& clock, bool keep) : clock_(clock), keep_(keep) {}

  template <class... Args>
  void note(fmt::format_string<Args...> format, Args&&... args) {
    add(fmt::format(format, std::forward<Args>(args)...));
  }
  std::uint64_t hash() const { return hash_; }
  const std::vector<std::string>& lines() const { return lines_; }

 private:
  void add(const std::string& text) {
    const std::int64_t ns = clock_.now().ns;
    // FNV-1a.
    for (int shift = 0; shift < 64; shift += 8) mix(static_cast<unsigned char>(ns >> shift));
    for (const char c : text) mix(static_cast<unsigned char>(c));
    if (keep_) lines_.push_back(fmt::format("{:12.6f} {}", static_cast<double>(ns) / 1e9, text));
  }
  void mix(unsigned char byte) { hash_ = (hash_ ^ byte) * 0x100000001b3; }

  const Clock& clock_;
  bool keep_;
  std::uint64_t hash_ = 0xcbf29ce484222325;
  std::vector<std::string> lines_;
};

// Guids are long: their first eight characters name them in a trace.
template <class Guid>
std::string brief(const Guid& guid) {
  return guid.str().substr(0, 8);
}

}  // namespace nuri::sim

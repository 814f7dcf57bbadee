#pragma once

// Time as Nuri counts it. Code outside async/ takes a Clock (the Loop is one) and never reads the
// system's: in simulation time is virtual.

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace nuri {

using Duration = std::chrono::nanoseconds;
using namespace std::chrono_literals;

// Monotonic, since an arbitrary start; only differences mean something.
struct Time {
  std::int64_t ns = 0;
  friend auto operator<=>(Time, Time) = default;
  friend Time operator+(Time t, Duration d) { return {t.ns + d.count()}; }
  friend Time operator-(Time t, Duration d) { return {t.ns - d.count()}; }
  friend Duration operator-(Time a, Time b) { return Duration(a.ns - b.ns); }
};
inline constexpr Time kNever{INT64_MAX};

// Wall clock: nanoseconds since the Unix epoch. What is stored and shown.
struct WallTime {
  std::int64_t ns = 0;
  friend auto operator<=>(WallTime, WallTime) = default;
  friend WallTime operator+(WallTime t, Duration d) { return {t.ns + d.count()}; }
  friend Duration operator-(WallTime a, WallTime b) { return Duration(a.ns - b.ns); }
};

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Time now() const = 0;
  virtual WallTime wall() const = 0;
};

class SystemClock final : public Clock {
 public:
  Time now() const override;
  WallTime wall() const override;
};

// RFC 3339, UTC, seconds: 2026-01-31T12:00:00Z (what Cloud Foundry's API writes).
std::string rfc3339(WallTime time);
// The reverse; fractions of a second are accepted. False if `text` is not of that form, or
// not a time between 1678 and 2261.
bool parse_rfc3339(std::string_view text, WallTime& out);

}  // namespace nuri

#include "base/clock.h"

#include <fmt/format.h>
#include <time.h>

#include <cctype>

namespace nuri {
namespace {

// What 64 bits of nanoseconds hold.
constexpr int kFirstYear = 1678, kLastYear = 2261;

std::int64_t read_clock(clockid_t id) {
  timespec ts{};
  clock_gettime(id, &ts);
  return ts.tv_sec * 1'000'000'000LL + ts.tv_nsec;
}

bool digits(std::string_view text, std::size_t at, std::size_t count, int& out) {
  if (at + count > text.size()) return false;
  out = 0;
  for (char c : text.substr(at, count)) {
    if (c < '0' || c > '9') return false;
    out = out * 10 + (c - '0');
  }
  return true;
}

}  // namespace

Time SystemClock::now() const { return {read_clock(CLOCK_MONOTONIC)}; }
WallTime SystemClock::wall() const { return {read_clock(CLOCK_REALTIME)}; }

std::string rfc3339(WallTime time) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  const time_t seconds = time.ns / kSecond - (time.ns % kSecond < 0 ? 1 : 0);
  tm parts{};
  gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

bool parse_rfc3339(std::string_view text, WallTime& out) {
  int year, month, day, hour, minute, second;
  if (text.size() < 20 || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' ||
      text[16] != ':')
    return false;
  if (!digits(text, 0, 4, year) || !digits(text, 5, 2, month) || !digits(text, 8, 2, day) ||
      !digits(text, 11, 2, hour) || !digits(text, 14, 2, minute) || !digits(text, 17, 2, second))
    return false;
  if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60)
    return false;
  std::int64_t fraction_ns = 0;
  std::size_t at = 19;
  if (text[at] == '.') {
    std::int64_t unit = 100'000'000;
    if (++at == text.size() || text[at] < '0' || text[at] > '9') return false;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, unit /= 10)
      fraction_ns += (text[at] - '0') * unit;
  }
  if (text.substr(at) != "Z") return false;
  if (year < kFirstYear || year > kLastYear) return false;
  tm date{};
  date.tm_year = year - 1900;
  date.tm_mon = month - 1;
  date.tm_mday = day;
  const std::int64_t midnight = timegm(&date);
  if (date.tm_mday != day) return false;  // the month has no such day
  const std::int64_t seconds = midnight + hour * 3600 + minute * 60 + second;
  out.ns = seconds * 1'000'000'000LL + fraction_ns;
  return true;
}

}  // namespace nuri

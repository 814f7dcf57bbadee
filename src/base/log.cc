#include "base/log.h"

#include <time.h>
#include <unistd.h>

#include <array>
#include <atomic>

namespace nuri {
namespace {

std::atomic<Level> g_level{Level::info};
std::string& process_name() {
  static std::string name = "nuri";
  return name;
}

void append_value(std::string& line, std::string_view value) {
  const bool plain =
      !value.empty() && value.find_first_of(" \"=\\\n\r\t") == std::string_view::npos;
  if (plain) {
    line += value;
    return;
  }
  line += '"';
  for (char c : value) {
    if (c == '"' || c == '\\') line += '\\';
    if (c == '\n')
      line += "\\n";
    else if (static_cast<unsigned char>(c) >= 0x20)
      line += c;
  }
  line += '"';
}

}  // namespace

void set_log_level(Level level) { g_level = level; }
void set_log_process(std::string name) { process_name() = std::move(name); }

void log(Level level, std::string_view message, std::initializer_list<Field> fields) {
  if (level < g_level.load(std::memory_order_relaxed)) return;
  static constexpr std::array<std::string_view, 4> kNames{"debug", "info", "warn", "error"};
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  tm parts{};
  gmtime_r(&now.tv_sec, &parts);
  std::string line = fmt::format(
      "ts={:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z level={} proc={} msg=", parts.tm_year + 1900,
      parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
      now.tv_nsec / 1'000'000, kNames[static_cast<std::size_t>(level)], process_name());
  append_value(line, message);
  for (const auto& field : fields) {
    line += ' ';
    line += field.key;
    line += '=';
    append_value(line, field.value);
  }
  line += '\n';
  // A log line that cannot be written has nowhere to be reported.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace nuri

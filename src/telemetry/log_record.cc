#include <charconv>

#include "telemetry/log_reader.h"

namespace nuri::telemetry {

std::optional<SegmentHeader> parse_segment_header(std::string_view line) {
  constexpr std::string_view kMagic = "nuri-log 1";
  if (!line.starts_with(kMagic)) return std::nullopt;
  line.remove_prefix(kMagic.size());
  if (!line.empty() && line.front() != ' ') return std::nullopt;
  SegmentHeader header;
  while (!line.empty()) {
    line.remove_prefix(1);
    const std::string_view word = line.substr(0, line.find(' '));
    line.remove_prefix(word.size());
    const std::size_t equals = word.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view key = word.substr(0, equals), value = word.substr(equals + 1);
    if (key == "source") header.source = value;
    if (key == "instance") header.instance = value;
    if (key == "guid") header.guid = value;
  }
  if (header.source.empty()) return std::nullopt;
  return header;
}

std::optional<LogRecord> parse_record(std::string_view line) {
  LogRecord record;
  const auto [end, failure] = std::from_chars(line.data(), line.data() + line.size(), record.ns);
  const auto used = static_cast<std::size_t>(end - line.data());
  if (failure != std::errc() || line.size() < used + 3) return std::nullopt;
  if (line[used] != ' ' || line[used + 2] != ' ') return std::nullopt;
  record.letter = line[used + 1];
  if (std::string_view("OEoeD").find(record.letter) == std::string_view::npos) return std::nullopt;
  record.text = line.substr(used + 3);
  return record;
}

}  // namespace nuri::telemetry

#include "cli/log_tail.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>

#include "base/encoding.h"

namespace nuri::cli {
namespace {

constexpr int kBatch = 1000;  // the most that log-cache gives
constexpr std::int64_t kOverlapNs = 1'000'000'000;
constexpr std::int64_t kBeginning = -6'795'364'578'871'345'152;  // what clients send for "all"

std::int64_t number_of(const std::string& text) {
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::string path_of(const std::string& app, std::int64_t start, int limit, bool newest_first) {
  return fmt::format("/api/v1/read/{}?envelope_types=LOG&start_time={}&limit={}{}", app, start,
                     limit, newest_first ? "&descending=true" : "");
}

}  // namespace

std::vector<LogLine> parse_envelopes(const json::value& answer) {
  std::vector<LogLine> lines;
  for (const json::value& one : array_at(answer, "/envelopes/batch")) {
    LogLine line;
    line.ns = number_of(text_at(one, "/timestamp"));
    line.source = text_at(one, "/tags/source_type");
    line.instance = text_at(one, "/instance_id");
    line.error = text_at(one, "/log/type") == "ERR";
    const auto text = decode_base64(text_at(one, "/log/payload"));
    if (!text || line.ns == 0) continue;
    line.text = *text;
    while (line.text.ends_with('\n')) line.text.pop_back();
    lines.push_back(std::move(line));
  }
  // Lines of one moment stay in the order of the log, whichever way it was read.
  if (!lines.empty() && lines.front().ns > lines.back().ns) std::ranges::reverse(lines);
  std::vector<std::pair<std::int64_t, std::size_t>> order;
  for (const LogLine& line : lines) order.emplace_back(line.ns, order.size());
  std::ranges::sort(order);
  std::vector<LogLine> sorted;
  for (const auto& [ns, index] : order) sorted.push_back(std::move(lines[index]));
  return sorted;
}

std::string show_line(const LogLine& line) {
  const auto seconds = static_cast<std::time_t>(line.ns / 1'000'000'000);
  std::tm local{};
  ::localtime_r(&seconds, &local);
  std::array<char, 64> stamp{}, zone{};
  std::strftime(stamp.data(), stamp.size(), "%Y-%m-%dT%H:%M:%S", &local);
  std::strftime(zone.data(), zone.size(), "%z", &local);
  return fmt::format("   {}.{:02d}{} [{}/{}] {} {}", stamp.data(),
                     line.ns % 1'000'000'000 / 10'000'000, zone.data(), line.source, line.instance,
                     line.error ? "ERR" : "OUT", line.text);
}

json::object line_json(const LogLine& line) {
  return {{"timestamp_ns", line.ns},
          {"source", line.source},
          {"instance", line.instance},
          {"stream", line.error ? "ERR" : "OUT"},
          {"text", line.text}};
}

Task<std::vector<LogLine>> recent_lines(Api& api, std::string app_guid, int limit) {
  co_return parse_envelopes(co_await api.get(path_of(app_guid, kBeginning, limit, true)));
}

Task<void> LogTail::begin_now() {
  const auto last = co_await recent_lines(api_, app_, 1);
  begin_after(last.empty() ? 0 : last.back().ns);
}

bool LogTail::first_time(const LogLine& line) {
  std::string key =
      fmt::format("{} {} {} {} {}", line.ns, line.source, line.instance, line.error, line.text);
  if (!seen_.insert(key).second) return false;
  seen_order_.emplace_back(line.ns, std::move(key));
  return true;
}

Task<std::vector<LogLine>> LogTail::next() {
  std::vector<LogLine> fresh;
  for (std::int64_t start = std::max(from_ + 1, newest_ - kOverlapNs);;) {
    const auto lines = parse_envelopes(co_await api_.get(path_of(app_, start, kBatch, false)));
    for (const LogLine& line : lines) {
      if (line.ns <= from_ || !first_time(line)) continue;
      newest_ = std::max(newest_, line.ns);
      fresh.push_back(line);
    }
    // A full batch that only repeats what is known: the overlap holds more lines than a batch.
    if (lines.size() < kBatch || !fresh.empty()) break;
    start = std::max(start + 1, lines.back().ns);
  }
  while (!seen_order_.empty() && seen_order_.front().first < newest_ - 2 * kOverlapNs) {
    seen_.erase(seen_order_.front().second);
    seen_order_.pop_front();
  }
  co_return fresh;
}

}  // namespace nuri::cli

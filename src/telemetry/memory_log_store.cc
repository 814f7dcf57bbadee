#include "telemetry/memory_log_store.h"

#include <algorithm>

namespace nuri::telemetry {
namespace {

bool is_wanted(const LogLine& line, const LogQuery& query) {
  if (line.ns < query.start_ns || line.ns >= query.end_ns) return false;
  return query.sources.empty() ||
         std::ranges::any_of(query.sources, [&](const std::string& source) {
           return line.source == source || line.source.starts_with(source + "/");
         });
}

}  // namespace

void MemoryLogStore::prepare(std::string_view app) {
  const std::lock_guard held(mutex_);
  logs_.try_emplace(std::string(app));
}

void MemoryLogStore::append(std::string_view app, const LogLine& line) {
  const std::lock_guard held(mutex_);
  const auto it = logs_.find(app);
  if (it == logs_.end()) return;
  Log& log = it->second;
  std::string_view rest = line.text;
  do {
    const std::size_t end = rest.find('\n');
    LogLine one = line;
    one.text = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    log.bytes += one.text.size();
    ++log.written;
    const auto place = std::ranges::upper_bound(log.lines, one.ns, {}, &LogLine::ns);
    log.lines.insert(place, std::move(one));
  } while (!rest.empty());
}

std::vector<LogLine> MemoryLogStore::read(std::string_view app, const LogQuery& query) const {
  const std::lock_guard held(mutex_);
  std::vector<LogLine> out;
  const auto it = logs_.find(app);
  if (it == logs_.end()) return out;
  const std::deque<LogLine>& lines = it->second.lines;
  const std::size_t limit = std::clamp<std::size_t>(query.limit, 1, kLogReadLimit);
  for (std::size_t i = 0; i < lines.size() && out.size() < limit; ++i) {
    const LogLine& line = lines[query.descending ? lines.size() - 1 - i : i];
    if (is_wanted(line, query)) out.push_back(line);
  }
  return out;
}

LogToken MemoryLogStore::token(std::string_view app) const {
  const std::lock_guard held(mutex_);
  const auto it = logs_.find(app);
  return {it == logs_.end() ? 0 : it->second.written + 1};
}

void MemoryLogStore::trim(std::string_view app, std::uint64_t max_bytes,
                          const std::set<std::string>&) {
  const std::lock_guard held(mutex_);
  const auto it = logs_.find(app);
  if (it == logs_.end()) return;
  Log& log = it->second;
  while (log.bytes > max_bytes && !log.lines.empty()) {
    log.bytes -= log.lines.front().text.size();
    log.lines.pop_front();
  }
}

void MemoryLogStore::erase(std::string_view app) {
  const std::lock_guard held(mutex_);
  const auto it = logs_.find(app);
  if (it != logs_.end()) logs_.erase(it);
}

}  // namespace nuri::telemetry

#pragma once

// Lines of an app's log, read from the API's log-cache (GET /api/v1/read/APP).

#include <cstdint>
#include <deque>
#include <string>
#include <unordered_set>
#include <vector>

#include "cli/api.h"

namespace nuri::cli {

struct LogLine {
  std::int64_t ns = 0;
  std::string source;    // "APP/PROC/WEB", "STG", "RTR", "API"
  std::string instance;  // "0"
  bool error = false;    // standard error
  std::string text;
  friend bool operator==(const LogLine&, const LogLine&) = default;
};

// The lines of one answer, oldest first. What is not understood is left out.
std::vector<LogLine> parse_envelopes(const json::value& answer);

// As cf shows it: "   2026-11-21T09:16:17.12+0000 [APP/PROC/WEB/0] OUT text".
std::string show_line(const LogLine& line);
json::object line_json(const LogLine& line);

// The last `limit` lines (at most 1000), oldest first.
Task<std::vector<LogLine>> recent_lines(Api& api, std::string app_guid, int limit);

// Reads on from a point in time. Lines can become visible a little out of order, because each
// process of Nuri writes its own: so each read begins one second before the newest line seen, and
// what was given already is left out.
class LogTail {
 public:
  // `api` outlives it.
  LogTail(Api& api, std::string app_guid) : api_(api), app_(std::move(app_guid)) {}
  // Begins after the newest line there is now.
  Task<void> begin_now();
  // Everything after `ns`.
  void begin_after(std::int64_t ns) { from_ = newest_ = ns; }
  // What is new; empty: nothing now, ask again in kLogPause.
  Task<std::vector<LogLine>> next();

 private:
  bool first_time(const LogLine& line);

  Api& api_;
  std::string app_;
  std::int64_t from_ = 0;    // older lines are not wanted
  std::int64_t newest_ = 0;  // of those seen
  std::unordered_set<std::string> seen_;
  std::deque<std::pair<std::int64_t, std::string>> seen_order_;
};

inline constexpr Duration kLogPause = 250ms;

}  // namespace nuri::cli

#pragma once

// The log lines of apps, whoever wrote them: shims (APP/PROC/…), router threads (RTR), the server
// (STG, API). docs/formats/logs.md is the form on disk. Methods block (run them on a BlockingPool),
// may be called from any thread, and throw nuri::Error.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace nuri::telemetry {

enum class LogStream { out, err };

struct LogLine {
  std::int64_t ns = 0;         // Unix time; of the line's end
  std::string source;          // APP/PROC/WEB, STG, RTR, API, CELL
  std::string instance = "0";  // index of the instance
  LogStream stream = LogStream::out;
  std::string text;  // without line end; bytes, not always UTF-8
  friend bool operator==(const LogLine&, const LogLine&) = default;
};

inline constexpr std::size_t kLogReadLimit = 1000;  // lines of one read

struct LogQuery {
  std::int64_t start_ns = std::numeric_limits<std::int64_t>::min();  // inclusive
  std::int64_t end_ns = std::numeric_limits<std::int64_t>::max();    // exclusive
  std::size_t limit = 100;           // 1 … kLogReadLimit; more is cut to it
  bool descending = false;           // newest first, and the newest are taken
  std::vector<std::string> sources;  // empty: all. "APP" also means "APP/…"
};

// Equal tokens: nothing was written in between.
struct LogToken {
  std::uint64_t value = 0;
  friend bool operator==(LogToken, LogToken) = default;
};

class LogStore {
 public:
  virtual ~LogStore() = default;

  // Makes the place where the writers of `app` (a guid) put their segments. Before the first
  // instance, build or append.
  virtual void prepare(std::string_view app) = 0;
  // A line that the server itself made. Text with line ends becomes several lines. Not flushed to
  // the disk.
  virtual void append(std::string_view app, const LogLine& line) = 0;
  // In the order of `ns` (of one writer: as written), at most `limit`. Empty for an unknown app.
  // Lines whose writer has not finished them are left out.
  virtual std::vector<LogLine> read(std::string_view app, const LogQuery& query) const = 0;
  // Cheap (a folder listing): for a held request that waits for more.
  virtual LogToken token(std::string_view app) const = 0;
  // Erases the oldest segments until the app's logs are at most `max_bytes`. What a writer in
  // `live_writers` (instance guids), the server or a router ("router-…") writes now is never
  // erased.
  virtual void trim(std::string_view app, std::uint64_t max_bytes,
                    const std::set<std::string>& live_writers) = 0;
  virtual void erase(std::string_view app) = 0;
};

}  // namespace nuri::telemetry

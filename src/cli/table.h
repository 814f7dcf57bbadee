#pragma once

// Text in columns, as the cf command line lays it out: three spaces between, no lines, no padding
// at the end of a row.

#include <string>
#include <string_view>
#include <vector>

namespace nuri::cli {

class Table {
 public:
  explicit Table(std::vector<std::string> header) { rows_.push_back(std::move(header)); }
  // Without a header: "name:   value".
  Table() = default;
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  std::string str() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

// "256M", "1.5G", "12.3K", "0": as cf shows sizes (1K = 1024).
std::string show_bytes(std::uint64_t bytes);
// "0.12 s", "1 min 5 s".
std::string show_seconds(double seconds);
// Seconds since the epoch in the local zone: "Sat 21 Nov 09:16:17 UTC 2026".
std::string show_time(std::int64_t unix_seconds);
// What the API writes (RFC 3339) like show_time; as it is if it is none.
std::string show_api_time(std::string_view rfc3339);

}  // namespace nuri::cli

#pragma once

// Reading log segments (docs/formats/logs.md) while others write, rotate and erase them. Torn
// records and segments of an unknown version are skipped; only I/O failures throw (nuri::Error).

#include <array>
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "telemetry/log_store.h"

namespace nuri::telemetry {

struct SegmentHeader {
  std::string source;
  std::string instance = "0";
  std::string guid;
};
// The first line of a segment without its end. Nullopt: not a segment of version 1.
std::optional<SegmentHeader> parse_segment_header(std::string_view line);

struct LogRecord {
  std::int64_t ns = 0;
  char letter = 'O';      // O E o e D
  std::string_view text;  // into the line that was parsed
};
// Any other line without its end. Nullopt: torn.
std::optional<LogRecord> parse_record(std::string_view line);

struct SegmentFile {
  std::string writer;
  std::uint64_t sequence = 0;
  std::string name;
  std::uint64_t size = 0;
  std::int64_t mtime_ns = 0;
};
// The segments of an app's folder, by writer, then sequence. Other files are ignored.
std::vector<SegmentFile> list_segments(int folder);

enum class Direction { forward, backward };

// The records of one segment as it was when opened, a window at a time.
class SegmentCursor {
 public:
  // Starts near the first record that matters for [start_ns, end_ns): a window too early (or late)
  // at most, for the parts of continued lines. Nullopt: erased meanwhile, or not a segment.
  static std::optional<SegmentCursor> open(int folder, const std::string& name, Direction direction,
                                           std::int64_t start_ns, std::int64_t end_ns);
  // The view is good until the next call.
  std::optional<LogRecord> next();
  const SegmentHeader& header() const { return header_; }

 private:
  SegmentCursor(Fd file, Direction direction) : file_(std::move(file)), direction_(direction) {}
  bool read_header();
  bool load();
  bool load_forward();
  bool load_backward();
  std::size_t read_at(std::uint64_t offset, std::size_t bytes);
  void split(std::size_t begin, std::size_t end);
  // A window's width before the first record of `ns` or later, or the start of the records.
  std::uint64_t near(std::int64_t ns);
  std::optional<std::int64_t> time_after(std::uint64_t offset);

  Fd file_;
  Direction direction_;
  SegmentHeader header_;
  std::uint64_t begin_ = 0;  // of the records
  std::uint64_t size_ = 0;
  std::uint64_t at_ = 0;   // forward: next byte to read; backward: end of what is unread
  bool mid_line_ = false;  // at_ may lie within a line
  std::string window_;
  std::vector<std::string_view> lines_;  // of the window; the next one is at the back
};

// The lines of one writer through all its segments: parts joined, drops told, those outside of the
// range left out. In order of `ns` but for what the writer itself wrote out of order (kDisorder at
// most).
class WriterLines {
 public:
  // `segments`: of one writer, by sequence. `folder` and `query` must outlive it.
  WriterLines(int folder, std::vector<SegmentFile> segments, const LogQuery& query);

  // The next line; null at the end. Good until take().
  const LogLine* peek();
  LogLine take();
  // No line is newer (descending only). Without opening anything.
  std::int64_t newest_ns() const;
  bool may_have_lines() const;

  static constexpr std::int64_t kDisorderNs = 1'000'000'000;

 private:
  struct Slot {
    LogLine line;
    bool closed = false;  // no part of it can still come
    std::list<Slot>::iterator place;
  };
  void step();
  std::optional<LogRecord> next_record();
  bool past_range(const LogRecord& record) const;
  void add_forward(const LogRecord& record);
  void add_backward(const LogRecord& record);
  Slot& push(const LogRecord& record, std::string text);
  void close(int stream);
  void close_all();
  bool wanted(const SegmentHeader& header) const;

  const int folder_;
  std::vector<SegmentFile> segments_;  // not yet read; the next one is at the back
  const LogQuery& query_;
  const Direction direction_;
  const std::int64_t newest_ns_;
  std::optional<SegmentCursor> segment_;
  std::list<Slot> queue_;
  std::size_t queue_bytes_ = 0;
  std::array<Slot*, 2> open_{};  // of each stream: the line in progress
  bool done_ = false;
};

}  // namespace nuri::telemetry

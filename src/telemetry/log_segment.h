#pragma once

// The one writer of log segments (docs/formats/logs.md). Plain POSIX, no exceptions, no threads of
// its own, small enough for the static shim; the server and the router's threads use it too, one
// object each. Never fails and never blocks for long: what cannot be written (rate limit, full
// disk, missing directory) is dropped and counted, and the count is written as soon as something
// can be.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/fd.h"
#include "base/limits.h"

namespace nuri::telemetry {

enum class LogSegmentStream { out, err };

struct LogSegmentIdentity {
  std::string directory;  // logs/APPGUID; must exist
  std::string writer;     // file name without its number: an instance's guid
  std::string source;     // APP/PROC/WEB, STG, RTR; no spaces
  std::uint32_t instance = 0;
  std::string guid;  // of the instance or the server
};

struct LogSegmentLimits {
  std::uint64_t segment_bytes = limits::kLogSegmentBytes;
  std::size_t segments = limits::kLogSegments;
  std::size_t line_bytes = limits::kLogLineBytes;
  std::uint64_t lines_per_second = limits::kLogLinesPerSecond;
  std::uint64_t burst_lines = limits::kLogBurstLines;
  std::uint64_t bytes_per_second = limits::kLogBytesPerSecond;
  std::uint64_t burst_bytes = limits::kLogBurstBytes;
  Duration partial_flush = limits::kLogPartialFlush;
};

// A token bucket. Starts full.
class LogAllowance {
 public:
  LogAllowance(std::uint64_t per_second, std::uint64_t burst)
      : per_second_(per_second), burst_(burst), left_(burst) {}
  void refill(Time now);
  bool has(std::uint64_t amount) const { return left_ >= amount; }
  void take(std::uint64_t amount) { left_ -= amount < left_ ? amount : left_; }

 private:
  std::uint64_t per_second_, burst_, left_;
  Time filled_{INT64_MIN};
};

class LogSegmentWriter {
 public:
  // Nothing is opened before the first line.
  LogSegmentWriter(LogSegmentIdentity identity, LogSegmentLimits limits = {});
  LogSegmentWriter(LogSegmentWriter&&) = default;

  // Bytes as they came from a pipe: lines are found here. `wall` is written, `now` drives the
  // limits.
  void write(LogSegmentStream stream, std::string_view bytes, WallTime wall, Time now);
  // A whole line without its end.
  void line(LogSegmentStream stream, std::string_view text, WallTime wall, Time now);
  // Writes parts of lines that waited for kLogPartialFlush, and counts of dropped lines.
  void tick(WallTime wall, Time now);
  // When tick() has something to do; kNever if nothing.
  Time next_tick() const;
  // The stream has ended: writes what is left as a line.
  void finish(LogSegmentStream stream, WallTime wall, Time now);

  // Since the start.
  std::uint64_t dropped() const { return dropped_total_; }

 private:
  // Of one stream: the beginning of a line whose end has not come.
  struct Partial {
    std::string text;
    Time since{};
    WallTime wall{};
    bool continued = false;  // a part of this line is already recorded
    bool dropping = false;   // a part of this line was dropped: so is the rest
  };
  enum class Part { last, continues };

  void take(LogSegmentStream stream, std::string_view bytes, WallTime wall, Time now);
  void record(LogSegmentStream stream, Part part, std::string_view text, WallTime wall, Time now);
  void record_dropped(WallTime wall, Time now);
  void append(char letter, std::string_view text, WallTime wall, Time now);
  void flush(Time now);
  void lose_buffer();
  bool open_segment(Time now);
  bool open_last(std::uint64_t sequence);
  bool start(std::uint64_t sequence);
  std::uint64_t last_sequence() const;
  std::string path_of(std::uint64_t sequence) const;

  LogSegmentIdentity identity_;
  LogSegmentLimits limits_;
  LogAllowance lines_;
  LogAllowance bytes_;
  std::array<Partial, 2> partial_;
  Fd file_;
  std::uint64_t sequence_ = 0;  // of file_
  std::uint64_t size_ = 0;      // of file_
  std::string buffer_;          // whole records that are not yet written
  std::uint64_t buffered_lines_ = 0;
  std::uint64_t buffered_drops_ = 0;  // counted by D records in buffer_
  std::uint64_t dropped_ = 0;         // in no D record yet
  std::uint64_t dropped_total_ = 0;
  Time drops_recorded_{INT64_MIN};
  Time reopen_at_{INT64_MIN};
};

}  // namespace nuri::telemetry

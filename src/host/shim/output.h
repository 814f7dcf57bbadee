#pragma once

// From the app's pipes into log segments.

#include "base/fd.h"
#include "host/shim/spec.h"
#include "telemetry/log_segment.h"

namespace nuri::shim {

class Output {
 public:
  Output(const ShimSpec& spec, Fd out, Fd err);

  // For poll(): -1 when there is nothing to read now (the stream has ended, or the app has written
  // so much that it must wait for the next slice of time).
  int out(Time now) const { return fd_of(out_, now); }
  int err(Time now) const { return fd_of(err_, now); }
  // Reads once from each stream that is named readable.
  void pump(bool out_ready, bool err_ready, WallTime wall, Time now);
  void tick(WallTime wall, Time now) { log_.tick(wall, now); }
  Time next_tick(Time now) const;
  // A line of the shim's own, among the app's errors.
  void say(std::string_view text, WallTime wall, Time now) {
    log_.line(telemetry::LogSegmentStream::err, text, wall, now);
  }
  // Reads what is left (everything inside is dead), at most a pipe's worth, and ends the lines.
  void drain(WallTime wall, Time now);
  std::uint64_t dropped() const { return log_.dropped(); }

 private:
  int fd_of(const Fd& fd, Time now) const;
  bool read_once(Fd& fd, telemetry::LogSegmentStream stream, WallTime wall, Time now);

  Fd out_, err_;
  telemetry::LogSegmentWriter log_;
  Time slice_start_{INT64_MIN};
  std::size_t slice_bytes_ = 0;
};

}  // namespace nuri::shim

#include "host/shim/output.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace nuri::shim {
namespace {

constexpr std::size_t kReadBytes = 8 * limits::kKiB;
// A flood is dropped anyway; reading it at full speed would cost a core that the app does not pay
// for.
constexpr Duration kSlice = 100ms;
constexpr std::size_t kSliceBytes = 1 * limits::kMiB;
constexpr std::size_t kDrainBytes = 2 * limits::kMiB;  // more than the largest pipe holds

telemetry::LogSegmentIdentity identity_of(const ShimSpec& spec) {
  return {spec.log_dir, spec.guid, spec.log_source, spec.index, spec.guid};
}

}  // namespace

Output::Output(const ShimSpec& spec, Fd out, Fd err)
    : out_(std::move(out)), err_(std::move(err)), log_(identity_of(spec)) {}

int Output::fd_of(const Fd& fd, Time now) const {
  bool full = slice_bytes_ >= kSliceBytes && now < slice_start_ + kSlice;
  return full ? -1 : fd.get();
}

Time Output::next_tick(Time now) const {
  Time next = log_.next_tick();
  bool full = slice_bytes_ >= kSliceBytes && now < slice_start_ + kSlice;
  return full ? std::min(next, slice_start_ + kSlice) : next;
}

bool Output::read_once(Fd& fd, telemetry::LogSegmentStream stream, WallTime wall, Time now) {
  char bytes[kReadBytes];
  ssize_t n = ::read(fd.get(), bytes, sizeof bytes);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (n <= 0) {
    log_.finish(stream, wall, now);
    fd.reset();
    return false;
  }
  slice_bytes_ += static_cast<std::size_t>(n);
  log_.write(stream, {bytes, static_cast<std::size_t>(n)}, wall, now);
  return true;
}

void Output::pump(bool out_ready, bool err_ready, WallTime wall, Time now) {
  if (slice_start_.ns == INT64_MIN || now >= slice_start_ + kSlice) {
    slice_start_ = now;
    slice_bytes_ = 0;
  }
  if (out_ready) read_once(out_, telemetry::LogSegmentStream::out, wall, now);
  if (err_ready) read_once(err_, telemetry::LogSegmentStream::err, wall, now);
}

void Output::drain(WallTime wall, Time now) {
  slice_bytes_ = 0;
  while (slice_bytes_ < kDrainBytes && out_ &&
         read_once(out_, telemetry::LogSegmentStream::out, wall, now)) {
  }
  slice_bytes_ = 0;
  while (slice_bytes_ < kDrainBytes && err_ &&
         read_once(err_, telemetry::LogSegmentStream::err, wall, now)) {
  }
  log_.finish(telemetry::LogSegmentStream::out, wall, now);
  log_.finish(telemetry::LogSegmentStream::err, wall, now);
  log_.tick(wall, now + 2s);
}

}  // namespace nuri::shim

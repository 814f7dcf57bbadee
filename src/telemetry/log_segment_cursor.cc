#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <memory>
#include <tuple>

#include "base/error.h"
#include "base/limits.h"
#include "telemetry/log_reader.h"

namespace nuri::telemetry {
namespace {

// Holds any record (kLogLineBytes and its head) at least once.
constexpr std::size_t kWindowBytes = 2 * limits::kLogLineBytes;
constexpr std::size_t kHeaderBytes = 1024;

std::optional<SegmentFile> parse_segment_name(std::string_view name) {
  const std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos || dot == 0) return std::nullopt;
  SegmentFile file;
  const auto [end, failure] =
      std::from_chars(name.data() + dot + 1, name.data() + name.size(), file.sequence);
  if (failure != std::errc() || end != name.data() + name.size()) return std::nullopt;
  file.writer = name.substr(0, dot);
  file.name = name;
  return file;
}

}  // namespace

std::vector<SegmentFile> list_segments(int folder) {
  const int fd = ::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(fd >= 0 ? ::fdopendir(fd) : nullptr, ::closedir);
  if (!dir) throw system_error("listing an app's logs", errno);
  std::vector<SegmentFile> files;
  while (const dirent* entry = ::readdir(dir.get())) {
    std::optional<SegmentFile> file = parse_segment_name(entry->d_name);
    struct stat st;
    if (!file || ::fstatat(folder, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISREG(st.st_mode))
      continue;
    file->size = static_cast<std::uint64_t>(st.st_size);
    file->mtime_ns = st.st_mtim.tv_sec * 1'000'000'000 + st.st_mtim.tv_nsec;
    files.push_back(std::move(*file));
  }
  std::ranges::sort(files, {}, [](const SegmentFile& f) { return std::tie(f.writer, f.sequence); });
  return files;
}

std::optional<SegmentCursor> SegmentCursor::open(int folder, const std::string& name,
                                                 Direction direction, std::int64_t start_ns,
                                                 std::int64_t end_ns) {
  SegmentCursor cursor(
      Fd(::openat(folder, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)),
      direction);
  struct stat st;
  if (!cursor.file_ || ::fstat(cursor.file_.get(), &st) != 0 || !S_ISREG(st.st_mode))
    return std::nullopt;
  cursor.size_ = static_cast<std::uint64_t>(st.st_size);
  if (!cursor.read_header()) return std::nullopt;
  if (direction == Direction::forward) {
    cursor.at_ = cursor.near(start_ns);
    cursor.mid_line_ = cursor.at_ > cursor.begin_;
  } else {
    cursor.at_ = std::min(cursor.size_, cursor.near(end_ns) + 3 * kWindowBytes);
    cursor.mid_line_ = true;
  }
  return cursor;
}

std::size_t SegmentCursor::read_at(std::uint64_t offset, std::size_t bytes) {
  window_.resize(bytes);
  ssize_t n;
  do {
    n = ::pread(file_.get(), window_.data(), bytes, static_cast<off_t>(offset));
  } while (n < 0 && errno == EINTR);
  if (n < 0) throw system_error("reading a log segment", errno);
  window_.resize(static_cast<std::size_t>(n));
  return window_.size();
}

bool SegmentCursor::read_header() {
  read_at(0, kHeaderBytes);
  const std::size_t end = window_.find('\n');
  if (end == std::string::npos) return false;
  std::optional<SegmentHeader> header =
      parse_segment_header(std::string_view(window_).substr(0, end));
  if (!header) return false;
  header_ = std::move(*header);
  begin_ = end + 1;
  return true;
}

// The time of the first record that starts after `offset`; nullopt if there is none.
std::optional<std::int64_t> SegmentCursor::time_after(std::uint64_t offset) {
  read_at(offset, kWindowBytes);
  std::string_view rest = window_;
  for (;;) {
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos) return std::nullopt;
    rest.remove_prefix(end + 1);
    const std::string_view line = rest.substr(0, rest.find('\n'));
    if (const auto record = parse_record(line)) return record->ns;
  }
}

std::uint64_t SegmentCursor::near(std::int64_t ns) {
  if (ns == INT64_MAX) return size_;
  std::uint64_t low = begin_, high = size_;
  while (high - low > kWindowBytes) {
    const std::uint64_t middle = low + (high - low) / 2;
    const std::optional<std::int64_t> time = time_after(middle);
    if (time && *time < ns)
      low = middle;
    else
      high = middle;
  }
  return low - begin_ > kWindowBytes ? low - kWindowBytes : begin_;
}

// Lines of window_[begin, end), which ends with a line end; the one to be given next at the back.
void SegmentCursor::split(std::size_t begin, std::size_t end) {
  lines_.clear();
  std::string_view rest = std::string_view(window_).substr(begin, end - begin);
  while (!rest.empty()) {
    const std::size_t length = rest.find('\n');
    lines_.push_back(rest.substr(0, length));
    rest.remove_prefix(length + 1);
  }
  if (direction_ == Direction::forward) std::ranges::reverse(lines_);
}

bool SegmentCursor::load_forward() {
  if (at_ >= size_) return false;
  const std::size_t read = read_at(at_, std::min<std::uint64_t>(kWindowBytes, size_ - at_));
  if (read == 0) return false;
  const std::size_t last = window_.rfind('\n');
  if (last == std::string::npos) {
    at_ += read;
    mid_line_ = true;
    return at_ < size_;
  }
  const std::size_t begin = mid_line_ ? window_.find('\n') + 1 : 0;
  split(begin, last + 1);
  at_ += last + 1;
  mid_line_ = false;
  return true;
}

bool SegmentCursor::load_backward() {
  if (at_ <= begin_) return false;
  const std::uint64_t from = at_ - begin_ > kWindowBytes ? at_ - kWindowBytes : begin_;
  if (read_at(from, at_ - from) == 0) return false;
  std::size_t end = window_.size();
  if (mid_line_) end = window_.rfind('\n') + 1;  // npos + 1 is 0
  std::size_t begin = 0;
  if (from > begin_) begin = std::min(window_.find('\n'), end) + 1;
  if (begin >= end) {  // no whole line in a window: torn, skip
    at_ = from;
    mid_line_ = true;
    lines_.clear();
    return true;
  }
  split(begin, end);
  at_ = from + begin;
  mid_line_ = false;
  return true;
}

std::optional<LogRecord> SegmentCursor::next() {
  for (;;) {
    while (!lines_.empty()) {
      const std::string_view line = lines_.back();
      lines_.pop_back();
      if (const auto record = parse_record(line)) return record;
    }
    if (!(direction_ == Direction::forward ? load_forward() : load_backward())) return std::nullopt;
  }
}

}  // namespace nuri::telemetry

#include "telemetry/log_segment.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace nuri::telemetry {
namespace {

constexpr std::size_t kBufferBytes = 16 * limits::kKiB;
constexpr std::size_t kSequenceDigits = 8;
constexpr Duration kDropsEvery = 1s;
constexpr Duration kReopenAfter = 1s;

char letter_of(LogSegmentStream stream) { return stream == LogSegmentStream::out ? 'O' : 'E'; }

// Where to cut text that is longer than `limit`, if possible not within a UTF-8 character.
std::size_t cut_at(std::string_view text, std::size_t limit) {
  for (std::size_t at = limit; at > 0 && limit - at < 4; --at) {
    if ((static_cast<unsigned char>(text[at]) & 0xC0) != 0x80) return at;
  }
  return limit;
}

bool write_all(int fd, std::string_view bytes) {
  return ::write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size());
}

}  // namespace

void LogAllowance::refill(Time now) {
  if (filled_.ns == INT64_MIN) filled_ = now;
  if (now <= filled_) return;
  auto elapsed = static_cast<unsigned __int128>((now - filled_).count());
  auto more = static_cast<std::uint64_t>(
      std::min<unsigned __int128>(elapsed * per_second_ / 1'000'000'000, burst_));
  if (more == 0) return;
  left_ = std::min(burst_, left_ + more);
  filled_ = now;
}

LogSegmentWriter::LogSegmentWriter(LogSegmentIdentity identity, LogSegmentLimits limits)
    : identity_(std::move(identity)),
      limits_(limits),
      lines_(limits.lines_per_second, limits.burst_lines),
      bytes_(limits.bytes_per_second, limits.burst_bytes) {}

void LogSegmentWriter::write(LogSegmentStream stream, std::string_view bytes, WallTime wall,
                             Time now) {
  while (!bytes.empty()) {
    std::size_t end = bytes.find('\n');
    take(stream, bytes.substr(0, end), wall, now);
    if (end == std::string_view::npos) break;
    Partial& partial = partial_[static_cast<std::size_t>(stream)];
    record(stream, Part::last, partial.text, partial.text.empty() ? wall : partial.wall, now);
    partial.text.clear();
    bytes.remove_prefix(end + 1);
  }
  flush(now);
}

void LogSegmentWriter::line(LogSegmentStream stream, std::string_view text, WallTime wall,
                            Time now) {
  finish(stream, wall, now);
  write(stream, text, wall, now);
  write(stream, "\n", wall, now);
}

// Adds to the line in progress and records the parts that are full.
void LogSegmentWriter::take(LogSegmentStream stream, std::string_view bytes, WallTime wall,
                            Time now) {
  Partial& partial = partial_[static_cast<std::size_t>(stream)];
  while (!bytes.empty()) {
    if (partial.text.empty()) partial.wall = wall, partial.since = now;
    std::size_t room = limits_.line_bytes + 1 - partial.text.size();
    partial.text.append(bytes.substr(0, room));
    bytes.remove_prefix(std::min(room, bytes.size()));
    if (partial.text.size() <= limits_.line_bytes) return;
    std::size_t cut = cut_at(partial.text, limits_.line_bytes);
    record(stream, Part::continues, std::string_view(partial.text).substr(0, cut), partial.wall,
           now);
    partial.text.erase(0, cut);
    partial.wall = wall, partial.since = now;
  }
}

void LogSegmentWriter::record(LogSegmentStream stream, Part part, std::string_view text,
                              WallTime wall, Time now) {
  Partial& partial = partial_[static_cast<std::size_t>(stream)];
  bool more = part == Part::continues;
  if (partial.dropping) {
    partial.dropping = more;
    return;
  }
  lines_.refill(now);
  bytes_.refill(now);
  if (!bytes_.has(text.size()) || !(partial.continued || lines_.has(1))) {
    ++dropped_;
    ++dropped_total_;
    partial.continued = false;
    partial.dropping = more;
    return;
  }
  bytes_.take(text.size());
  if (!partial.continued) lines_.take(1);
  if (dropped_ > 0) {
    record_dropped(wall, now);
  }
  append(static_cast<char>(letter_of(stream) + (more ? 'a' - 'A' : 0)), text, wall, now);
  if (!more) ++buffered_lines_;
  partial.continued = more;
}

void LogSegmentWriter::record_dropped(WallTime wall, Time now) {
  append('D', std::to_string(dropped_), wall, now);
  buffered_drops_ += std::exchange(dropped_, 0);
  drops_recorded_ = now;
}

void LogSegmentWriter::append(char letter, std::string_view text, WallTime wall, Time now) {
  if (!buffer_.empty() && buffer_.size() + text.size() + 32 > kBufferBytes) flush(now);
  char head[32];
  char* end = std::to_chars(head, head + 24, wall.ns).ptr;
  *end++ = ' ';
  *end++ = letter;
  *end++ = ' ';
  buffer_.append(head, end).append(text) += '\n';
}

void LogSegmentWriter::flush(Time now) {
  if (buffer_.empty()) return;
  if (!open_segment(now)) return lose_buffer();
  if (size_ + buffer_.size() > limits_.segment_bytes && !start(sequence_ + 1)) return lose_buffer();
  if (!write_all(file_.get(), buffer_)) {
    // A torn record is worse than none; if even this fails, readers skip it.
    if (::ftruncate(file_.get(), static_cast<off_t>(size_)) != 0) file_.reset();
    return lose_buffer();
  }
  size_ += buffer_.size();
  buffer_.clear();
  buffered_lines_ = buffered_drops_ = 0;
}

void LogSegmentWriter::lose_buffer() {
  dropped_ += buffered_lines_ + buffered_drops_;
  dropped_total_ += buffered_lines_;
  for (Partial& partial : partial_) {
    if (std::exchange(partial.continued, false)) {
      partial.dropping = true;
      ++dropped_;
      ++dropped_total_;
    }
  }
  buffer_.clear();
  buffered_lines_ = buffered_drops_ = 0;
}

bool LogSegmentWriter::open_segment(Time now) {
  if (file_) return true;
  if (now < reopen_at_) return false;
  std::uint64_t last = last_sequence();
  bool open = (last != 0 && open_last(last)) || start(last + 1);
  if (!open) reopen_at_ = now + kReopenAfter;
  return open;
}

bool LogSegmentWriter::open_last(std::uint64_t sequence) {
  Fd file(::open(path_of(sequence).c_str(), O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW));
  struct stat status{};
  if (!file || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) return false;
  auto size = static_cast<std::uint64_t>(status.st_size);
  if (size == 0 || size >= limits_.segment_bytes) return false;
  char last = '\n';
  if (::pread(file.get(), &last, 1, status.st_size - 1) != 1) return false;
  if (last != '\n') {
    if (!write_all(file.get(), "\n")) return false;
    ++size;
  }
  file_ = std::move(file);
  sequence_ = sequence;
  size_ = size;
  return true;
}

bool LogSegmentWriter::start(std::uint64_t sequence) {
  std::string path = path_of(sequence);
  Fd file(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640));
  std::string head = "nuri-log 1 source=" + identity_.source +
                     " instance=" + std::to_string(identity_.instance) + " guid=" + identity_.guid +
                     "\n";
  if (!file) return false;
  if (!write_all(file.get(), head)) {
    ::unlink(path.c_str());
    return false;
  }
  if (sequence > limits_.segments) ::unlink(path_of(sequence - limits_.segments).c_str());
  file_ = std::move(file);
  sequence_ = sequence;
  size_ = head.size();
  return true;
}

std::uint64_t LogSegmentWriter::last_sequence() const {
  std::uint64_t last = 0;
  DIR* directory = ::opendir(identity_.directory.c_str());
  if (directory == nullptr) return 0;
  while (const dirent* entry = ::readdir(directory)) {
    std::string_view name = entry->d_name;
    if (name.size() != identity_.writer.size() + 1 + kSequenceDigits) continue;
    if (!name.starts_with(identity_.writer) || name[identity_.writer.size()] != '.') continue;
    std::uint64_t sequence = 0;
    auto [end, failure] = std::from_chars(name.data() + identity_.writer.size() + 1,
                                          name.data() + name.size(), sequence);
    if (failure == std::errc() && end == name.data() + name.size()) last = std::max(last, sequence);
  }
  ::closedir(directory);
  return last;
}

std::string LogSegmentWriter::path_of(std::uint64_t sequence) const {
  std::string digits = std::to_string(sequence);
  if (digits.size() < kSequenceDigits) digits.insert(0, kSequenceDigits - digits.size(), '0');
  return identity_.directory + "/" + identity_.writer + "." + digits;
}

void LogSegmentWriter::tick(WallTime wall, Time now) {
  for (LogSegmentStream stream : {LogSegmentStream::out, LogSegmentStream::err}) {
    Partial& partial = partial_[static_cast<std::size_t>(stream)];
    if (partial.text.empty() || now < partial.since + limits_.partial_flush) continue;
    record(stream, Part::continues, partial.text, partial.wall, now);
    partial.text.clear();
  }
  bool due = drops_recorded_.ns == INT64_MIN || now >= drops_recorded_ + kDropsEvery;
  if (dropped_ > 0 && due) {
    drops_recorded_ = now;
    record_dropped(wall, now);
  }
  flush(now);
}

Time LogSegmentWriter::next_tick() const {
  Time next = kNever;
  for (const Partial& partial : partial_) {
    if (!partial.text.empty()) next = std::min(next, partial.since + limits_.partial_flush);
  }
  if (dropped_ > 0) {
    next =
        std::min(next, drops_recorded_.ns == INT64_MIN ? Time{0} : drops_recorded_ + kDropsEvery);
  }
  return next;
}

void LogSegmentWriter::finish(LogSegmentStream stream, WallTime wall, Time now) {
  Partial& partial = partial_[static_cast<std::size_t>(stream)];
  if (!partial.text.empty() || partial.continued) {
    record(stream, Part::last, partial.text, partial.text.empty() ? wall : partial.wall, now);
  }
  partial = Partial{};
  flush(now);
}

}  // namespace nuri::telemetry

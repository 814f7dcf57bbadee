#include <fmt/format.h>

#include <algorithm>

#include "base/assert.h"
#include "base/limits.h"
#include "telemetry/log_reader.h"

namespace nuri::telemetry {
namespace {

// While a line waits for its earlier parts, what follows it waits too, up to these.
constexpr std::size_t kQueueLines = 1000;
constexpr std::size_t kQueueBytes = limits::kMiB;

int stream_of(char letter) { return letter == 'E' || letter == 'e' ? 1 : 0; }
bool continues(char letter) { return letter == 'o' || letter == 'e'; }

std::int64_t plus(std::int64_t a, std::int64_t b) {
  std::int64_t sum;
  return __builtin_add_overflow(a, b, &sum) ? (b > 0 ? INT64_MAX : INT64_MIN) : sum;
}

std::string drop_text(std::string_view count) {
  return fmt::format("[{} {} dropped: too many at once, or the disk is full]", count.substr(0, 20),
                     count == "1" ? "line" : "lines");
}

}  // namespace

WriterLines::WriterLines(int folder, std::vector<SegmentFile> segments, const LogQuery& query)
    : folder_(folder),
      segments_(std::move(segments)),
      query_(query),
      direction_(query.descending ? Direction::backward : Direction::forward),
      newest_ns_(segments_.empty() ? INT64_MIN : plus(segments_.back().mtime_ns, kDisorderNs)) {
  // What was last written before the range cannot hold a line of it.
  std::erase_if(segments_, [&](const SegmentFile& f) {
    return plus(f.mtime_ns, kDisorderNs) < query_.start_ns;
  });
  if (direction_ == Direction::forward) std::ranges::reverse(segments_);
}

std::int64_t WriterLines::newest_ns() const { return newest_ns_; }
bool WriterLines::may_have_lines() const { return !segments_.empty(); }

bool WriterLines::wanted(const SegmentHeader& header) const {
  if (query_.sources.empty()) return true;
  return std::ranges::any_of(query_.sources, [&](const std::string& source) {
    return header.source == source ||
           (header.source.starts_with(source) && header.source[source.size()] == '/');
  });
}

std::optional<LogRecord> WriterLines::next_record() {
  for (;;) {
    if (segment_)
      if (const auto record = segment_->next()) return record;
    segment_.reset();
    if (segments_.empty()) return std::nullopt;
    const std::string name = std::move(segments_.back().name);
    segments_.pop_back();
    segment_ = SegmentCursor::open(folder_, name, direction_, plus(query_.start_ns, -kDisorderNs),
                                   plus(query_.end_ns, kDisorderNs));
    if (segment_ && !wanted(segment_->header())) segment_.reset();
  }
}

bool WriterLines::past_range(const LogRecord& record) const {
  return direction_ == Direction::forward ? record.ns >= plus(query_.end_ns, kDisorderNs)
                                          : record.ns < plus(query_.start_ns, -kDisorderNs);
}

WriterLines::Slot& WriterLines::push(const LogRecord& record, std::string text) {
  queue_bytes_ += text.size();
  Slot slot;
  slot.line = {
      record.ns, segment_->header().source, segment_->header().instance,
      record.letter == 'D' || stream_of(record.letter) == 1 ? LogStream::err : LogStream::out,
      std::move(text)};
  Slot& pushed = queue_.emplace_back(std::move(slot));
  pushed.place = std::prev(queue_.end());
  return pushed;
}

void WriterLines::close(int stream) {
  Slot*& slot = open_[static_cast<std::size_t>(stream)];
  if (slot) slot->closed = true;
  slot = nullptr;
}

void WriterLines::close_all() {
  close(0);
  close(1);
}

// A line waits in the queue, open, at the place of its latest part, until its last one.
void WriterLines::add_forward(const LogRecord& record) {
  Slot*& slot = open_[static_cast<std::size_t>(stream_of(record.letter))];
  if (slot && slot->line.text.size() + record.text.size() > limits::kLogJoinedBytes)
    close(stream_of(record.letter));
  if (!slot) {
    slot = &push(record, std::string(record.text));
  } else {
    queue_.splice(queue_.end(), queue_, slot->place);
    slot->line.text += record.text;
    slot->line.ns = record.ns;
    queue_bytes_ += record.text.size();
  }
  if (!continues(record.letter)) close(stream_of(record.letter));
}

// A line waits in the queue, open, until a record that cannot be part of it.
void WriterLines::add_backward(const LogRecord& record) {
  Slot*& slot = open_[static_cast<std::size_t>(stream_of(record.letter))];
  const bool joins = slot && continues(record.letter) &&
                     slot->line.text.size() + record.text.size() <= limits::kLogJoinedBytes;
  if (joins) {
    slot->line.text.insert(0, record.text);
    queue_bytes_ += record.text.size();
    return;
  }
  close(stream_of(record.letter));
  slot = &push(record, std::string(record.text));
}

void WriterLines::step() {
  const std::optional<LogRecord> record = next_record();
  if (!record || past_range(*record)) {
    done_ = true;
    segment_.reset();
    segments_.clear();
    return close_all();
  }
  if (record->letter == 'D') {
    close_all();
    push(*record, drop_text(record->text)).closed = true;
  } else if (direction_ == Direction::forward) {
    add_forward(*record);
  } else {
    add_backward(*record);
  }
  if (queue_.size() > kQueueLines || queue_bytes_ > kQueueBytes)
    for (int stream : {0, 1})
      if (open_[static_cast<std::size_t>(stream)] == &queue_.front()) close(stream);
}

const LogLine* WriterLines::peek() {
  for (;;) {
    while (!done_ && (queue_.empty() || !queue_.front().closed)) step();
    if (queue_.empty()) return nullptr;
    const LogLine& line = queue_.front().line;
    if (line.ns >= query_.start_ns && line.ns < query_.end_ns) return &line;
    take();
  }
}

LogLine WriterLines::take() {
  NURI_ASSERT(!queue_.empty() && queue_.front().closed);
  LogLine line = std::move(queue_.front().line);
  queue_bytes_ -= line.text.size();
  queue_.pop_front();
  return line;
}

}  // namespace nuri::telemetry

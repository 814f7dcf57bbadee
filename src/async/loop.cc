#include "async/loop.h"

#include <cstring>

#include "base/assert.h"

namespace nuri::async {
namespace {

// What begins in a turn: few, since each brings the next turns more than it took and open work
// would pile up again; but in a turn that was long, for its part of the time.
constexpr int kBeginnings = 4;
constexpr Duration kShortTurn = 200us;
constexpr int kBeginningsPart = 4;

}  // namespace

Chunk Chunk::copy_of(std::string_view bytes) {
  Chunk chunk;
  if (bytes.empty()) return chunk;
  chunk.buffer_ = new char[bytes.size()];
  chunk.owned_ = true;
  chunk.end_ = static_cast<std::uint32_t>(bytes.size());
  std::memcpy(chunk.buffer_, bytes.data(), bytes.size());
  return chunk;
}

void Chunk::give_back() {
  if (loop_) std::exchange(loop_, nullptr)->give_back(id_);
  if (std::exchange(owned_, false)) delete[] buffer_;
}

void Operation::withdraw() { loop->forget(*this); }

void Operation::on_cancel(IoError cause) {
  if (registered) withdraw();
  fail(cause);
}

Loop::Loop() : root_(*this) {}
Loop::~Loop() = default;

void Loop::resume(Waiter& waiter) {
  waiter.ready_link_.unlink();
  const auto handle = std::exchange(waiter.handle_, {});
  handle.resume();
}

void Loop::resume_ready() {
  // Only what is ready now: what that wakes waits for the next turn, after the kernel was asked.
  Waiters batch, beginnings;
  batch.splice_back(ready_);
  beginnings.splice_back(beginning_);
  while (!batch.empty()) resume(batch.front());
  begin_some(beginnings);
  beginnings.splice_back(beginning_);
  beginning_.splice_back(beginnings);
}

void Loop::begin_some(Waiters& beginnings) {
  for (int n = 0; n < kBeginnings && !beginnings.empty(); ++n) resume(beginnings.front());
  if (beginnings.empty()) return;
  const Time began = now();
  const Time until = began + (began - turned() - kShortTurn) / kBeginningsPart;
  while (!beginnings.empty() && (now() < until || short_of_buffers())) resume(beginnings.front());
}

void Loop::resume_at(std::size_t n) {
  const std::size_t under_way = ready_.size();
  resume(n < under_way ? ready_.at(n) : beginning_.at(n - under_way));
}

void Loop::post(std::move_only_function<void()> job) {
  bool first;
  {
    const std::lock_guard lock(mutex_);
    first = posted_.empty();
    posted_.push_back(std::move(job));
  }
  if (first) interrupt();
}

bool Loop::run_posted() {
  std::vector<std::move_only_function<void()>> jobs;
  {
    const std::lock_guard lock(mutex_);
    jobs.swap(posted_);
  }
  for (auto& job : jobs) job();
  return !jobs.empty();
}

void Loop::settle() {
  // A released descriptor closes in a few turns; one that somebody still owns never does.
  for (int turns = 0; slots() > 0 && turns < 1000; ++turns) turn(Wait::no);
  NURI_ASSERT(slots() == 0);
}

}  // namespace nuri::async

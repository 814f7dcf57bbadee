#include "async/timer.h"

#include "base/assert.h"

namespace nuri::async {

void Timer::disarm() {
  if (heap_) heap_->remove(*this);
}

TimerHeap::~TimerHeap() {
  while (!heap_.empty()) remove(*heap_.back());
}

bool TimerHeap::before(const Timer& a, const Timer& b) {
  return a.when_ != b.when_ ? a.when_ < b.when_ : a.order_ < b.order_;
}

void TimerHeap::place(std::size_t at, Timer* timer) {
  heap_[at] = timer;
  timer->position_ = at;
}

void TimerHeap::sift_up(std::size_t at) {
  Timer* timer = heap_[at];
  while (at > 0) {
    const std::size_t parent = (at - 1) / 4;
    if (!before(*timer, *heap_[parent])) break;
    place(at, heap_[parent]);
    at = parent;
  }
  place(at, timer);
}

void TimerHeap::sift_down(std::size_t at) {
  Timer* timer = heap_[at];
  for (;;) {
    const std::size_t first = at * 4 + 1;
    if (first >= heap_.size()) break;
    std::size_t best = first;
    for (std::size_t child = first + 1; child < first + 4 && child < heap_.size(); ++child)
      if (before(*heap_[child], *heap_[best])) best = child;
    if (!before(*heap_[best], *timer)) break;
    place(at, heap_[best]);
    at = best;
  }
  place(at, timer);
}

void TimerHeap::arm(Timer& timer, Time when) {
  timer.disarm();
  timer.heap_ = this;
  timer.when_ = when;
  timer.order_ = next_order_++;
  heap_.push_back(&timer);
  sift_up(heap_.size() - 1);
}

void TimerHeap::remove(Timer& timer) {
  NURI_ASSERT(timer.heap_ == this && heap_[timer.position_] == &timer);
  const std::size_t at = timer.position_;
  timer.heap_ = nullptr;
  Timer* last = heap_.back();
  heap_.pop_back();
  if (last == &timer) return;
  place(at, last);
  sift_up(at);
  sift_down(last->position_);
}

bool TimerHeap::fire_one(Time now) {
  if (heap_.empty() || now < heap_.front()->when_) return false;
  Timer& timer = *heap_.front();
  remove(timer);
  timer.on_timer();
  return true;
}

}  // namespace nuri::async

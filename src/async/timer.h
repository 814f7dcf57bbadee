#pragma once

// Timers of one loop: a 4-ary heap with the position kept in the timer, so arming, moving and
// disarming are O(log n) and allocate nothing but the heap's array. Equal times fire in the order
// of arming.

#include <cstdint>
#include <vector>

#include "base/clock.h"

namespace nuri::async {

class TimerHeap;

class Timer {
 public:
  Timer() = default;
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  bool armed() const { return heap_ != nullptr; }
  Time when() const { return when_; }
  void disarm();

 protected:
  ~Timer() { disarm(); }

 private:
  friend class TimerHeap;
  // Called on the loop, disarmed; may arm itself again. Must not throw.
  virtual void on_timer() = 0;

  TimerHeap* heap_ = nullptr;
  std::size_t position_ = 0;
  std::uint64_t order_ = 0;
  Time when_;
};

class TimerHeap {
 public:
  TimerHeap() = default;
  TimerHeap(const TimerHeap&) = delete;
  TimerHeap& operator=(const TimerHeap&) = delete;
  ~TimerHeap();

  // Arms or moves `timer`; it must be disarmed or destroyed before the heap (its destructor does).
  void arm(Timer& timer, Time when);
  // kNever if none.
  Time next() const { return heap_.empty() ? kNever : heap_.front()->when_; }
  bool empty() const { return heap_.empty(); }
  // Fires the earliest timer if it is due at `now`; false if none was.
  bool fire_one(Time now);

 private:
  friend class Timer;
  void remove(Timer& timer);
  void sift_up(std::size_t at);
  void sift_down(std::size_t at);
  void place(std::size_t at, Timer* timer);
  static bool before(const Timer& a, const Timer& b);

  std::vector<Timer*> heap_;
  std::uint64_t next_order_ = 0;
};

}  // namespace nuri::async

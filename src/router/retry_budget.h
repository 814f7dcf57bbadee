#pragma once

// RetryBudget: how many requests of a route may be sent again: a share of what is asked, so that an
// app in trouble is not asked several times as much. A burst is there for the death of an instance
// with many requests under way. Pure; one worker's.

#include "base/clock.h"

namespace nuri::router {

class RetryBudget {
 public:
  // One more request that was asked for the first time.
  void request() { left_ = left_ + kShare < kBurst ? left_ + kShare : kBurst; }
  // Takes one retry out; false: none is left now.
  bool take(Time now);

  static constexpr double kShare = 0.2;     // of the requests
  static constexpr double kPerSecond = 10;  // at least
  static constexpr double kBurst = 512;     // at most, at the beginning too

 private:
  double left_ = kBurst;
  Time filled_{};
};

}  // namespace nuri::router

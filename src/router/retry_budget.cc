#include "router/retry_budget.h"

#include <algorithm>

namespace nuri::router {

bool RetryBudget::take(Time now) {
  const double seconds = static_cast<double>((now - filled_).count()) / 1e9;
  left_ = std::min(kBurst, left_ + std::max(seconds, 0.0) * kPerSecond);
  filled_ = now;
  if (left_ < 1) return false;
  left_ -= 1;
  return true;
}

}  // namespace nuri::router

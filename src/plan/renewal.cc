#include "plan/renewal.h"

#include <algorithm>

#include "base/limits.h"

namespace nuri::plan {

Duration retry_wait(int failures) {
  if (failures <= 0) return Duration(0);
  Duration wait = limits::kAcmeFirstRetry;
  for (int i = 1; i < failures && wait < limits::kAcmeLastRetry; ++i) wait *= 2;
  return std::min<Duration>(wait, limits::kAcmeLastRetry);
}

WallTime next_attempt(const RenewalView& view) {
  WallTime at;
  if (view.current) {
    const Duration life = view.current->not_after - view.current->not_before;
    at = view.current->not_before + life / 3 * 2;
  }
  if (view.failures > 0) at = std::max(at, view.last_failure + retry_wait(view.failures));
  if (view.not_earlier) at = std::max(at, *view.not_earlier);
  return at;
}

}  // namespace nuri::plan

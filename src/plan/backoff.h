#pragma once

// When a crashed instance may be tried again.

#include "base/clock.h"

namespace nuri::plan {

inline constexpr Duration kFirstBackoff = 1s;
inline constexpr Duration kLongestBackoff = 5min;
// An instance that was healthy for this long starts over with the first back-off.
inline constexpr Duration kHealthySpell = 5min;

// Before the start that follows the n-th crash in a row (n ≥ 1): 1 s, doubling to 5 min.
Duration backoff(int crashes);

}  // namespace nuri::plan

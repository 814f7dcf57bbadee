#include "plan/backoff.h"

#include <algorithm>

namespace nuri::plan {

Duration backoff(int crashes) {
  Duration wait = kFirstBackoff;
  for (int i = 1; i < crashes && wait < kLongestBackoff; ++i) wait *= 2;
  return std::min(wait, kLongestBackoff);
}

}  // namespace nuri::plan

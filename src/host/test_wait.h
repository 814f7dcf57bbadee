#pragma once

// For tests: waiting for what no descriptor tells.

#include <poll.h>

namespace nuri::host {

// Until the condition holds, at most 20 s. False: it never did.
template <class Condition>
bool until(Condition condition) {
  for (int i = 0; i < 2000; ++i) {
    if (condition()) return true;
    ::poll(nullptr, 0, 10);
  }
  return false;
}

}  // namespace nuri::host

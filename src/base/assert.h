#pragma once

// NURI_ASSERT: a bug, never an input. On in every build; prints where and what, then aborts, and
// the supervisor starts the process again.

namespace nuri {

[[noreturn]] void assert_failed(const char* expression, const char* file, int line);

}  // namespace nuri

#define NURI_ASSERT(expression)                         \
  (static_cast<bool>(expression) ? static_cast<void>(0) \
                                 : ::nuri::assert_failed(#expression, __FILE__, __LINE__))

#include "base/assert.h"

#include <cstdio>
#include <cstdlib>

namespace nuri {

void assert_failed(const char* expression, const char* file, int line) {
  std::fprintf(stderr, "nuri: bug: %s does not hold (%s:%d)\n", expression, file, line);
  std::fflush(stderr);
  std::abort();
}

}  // namespace nuri

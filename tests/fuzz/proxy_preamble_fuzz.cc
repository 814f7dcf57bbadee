#include "base/assert.h"
#include "base/limits.h"
#include "router/proxy_preamble.h"

// A preamble that is taken is within its text and its limit, and is taken the same way whatever
// follows it; before its last byte it is not whole.

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace nuri;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto parsed = router::parse_proxy_preamble(text);
  if (!parsed || !*parsed) return 0;
  const std::size_t bytes = (*parsed)->bytes;
  NURI_ASSERT(bytes > 0 && bytes <= size && bytes <= limits::kProxyPreambleBytes);
  const auto alone = router::parse_proxy_preamble(text.substr(0, bytes));
  NURI_ASSERT(alone && *alone && (*alone)->bytes == bytes);
  NURI_ASSERT((*alone)->client == (*parsed)->client);
  const auto less = router::parse_proxy_preamble(text.substr(0, bytes - 1));
  NURI_ASSERT(less && !*less);
  return 0;
}

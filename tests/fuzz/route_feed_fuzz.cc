#include "base/assert.h"
#include "base/error.h"
#include "router/table_change.h"

// What the router reads from its admin socket: refused, or the same again when written and read.

namespace {

using namespace nuri;

void check_message(std::string_view text) {
  try {
    const std::string once = router::encode(router::parse_feed_message(text));
    NURI_ASSERT(router::encode(router::parse_feed_message(once)) == once);
  } catch (const Error&) {
  }
}

void check_reply(std::string_view text) {
  try {
    const std::string once = router::encode(router::parse_feed_reply(text));
    NURI_ASSERT(router::encode(router::parse_feed_reply(once)) == once);
  } catch (const Error&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_message(text);
  check_reply(text);
  return 0;
}

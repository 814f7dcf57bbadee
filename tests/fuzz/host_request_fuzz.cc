// What the server may say to the privileged host, and the answers: no input may crash a decoder,
// nothing but Error may come out of it, and what is accepted is written and read back the same.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/assert.h"
#include "base/error.h"
#include "engine/host_protocol.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace nuri::host;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const RequestMessage message = parse_request(text);
    const std::string again = encode(message);
    NURI_ASSERT(encode(parse_request(again)) == again);
    NURI_ASSERT(request_id_of(again) == message.id);
    if (const auto* start = std::get_if<StartInstance>(&message.request)) {
      // What the host builds paths and commands from.
      NURI_ASSERT(start->guid.find('/') == std::string::npos);
      NURI_ASSERT(start->app.find('/') == std::string::npos);
      NURI_ASSERT(start->hostname.find('/') == std::string::npos);
      NURI_ASSERT(start->uid != 0 && start->gid != 0);
      NURI_ASSERT(start->limits.memory_bytes != 0 && start->limits.pids != 0);
    }
  } catch (const nuri::Error&) {
  }
  try {
    const std::string again = encode(parse_host_message(text));
    NURI_ASSERT(encode(parse_host_message(again)) == again);
  } catch (const nuri::Error&) {
  }
  request_id_of(text);
  return 0;
}

// What comes over an instance's doors and out of its exit file: no input may crash a parser, and
// what one accepts must come back the same.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/assert.h"
#include "engine/door.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace nuri::door;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  if (auto request = parse_request(text)) {
    NURI_ASSERT(parse_request(encode(*request)).has_value());
  }
  if (auto reply = parse_reply(text)) NURI_ASSERT(parse_reply(encode(*reply)).has_value());
  if (auto exit = parse_exit_file(text)) {
    NURI_ASSERT(parse_exit_file(encode_exit_file(*exit)).has_value());
  }
  if (auto message = parse_handshake(text)) {
    NURI_ASSERT(parse_handshake(encode(*message)).has_value());
  }
  return 0;
}

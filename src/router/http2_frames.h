#pragma once

// What both sides of HTTP/2 do with nghttp2.

#include <nghttp2/nghttp2.h>

#include <optional>
#include <string>
#include <string_view>

#include "router/http1_reader.h"

namespace nuri::router {

inline std::string_view text(const std::uint8_t* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

constexpr std::size_t kFrameBatchBytes = 32 << 10;
// Frames that wait to be sent, some `bytes` of them. Nullopt: the connection cannot go on.
std::optional<std::string> gather_frames(nghttp2_session* session,
                                         std::size_t bytes = kFrameBatchBytes);

// The message's trailer; false if it has none.
bool submit_trailer(nghttp2_session* session, std::int32_t stream, const Http1Reader& message);

}  // namespace nuri::router

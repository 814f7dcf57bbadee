#pragma once

// The text of heads that Nuri sends. A header that could break the framing or inject another is
// made harmless, whoever handed it in.

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "http/message.h"

namespace nuri::http {

void append_status_line(std::string& out, int status);
// Drops headers with a name that is not a token; control characters in a value become spaces.
void append_header(std::string& out, std::string_view name, std::string_view value);
// Whether framing and connection handling own it: Connection, Content-Length, Transfer-Encoding,
// Keep-Alive, Upgrade, TE, Trailer, Proxy-Connection (RFC 9110 section 7.6.1).
bool is_connection_header(std::string_view name);
// One piece of chunked content (RFC 9112 section 7.1); nothing if it is empty, which would be the
// end.
void append_chunk(std::string& out, std::string_view data);
// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 section 5.6.7).
std::string http_date(WallTime time);

}  // namespace nuri::http

#pragma once

// Which answers are compressed, and how: by what the client takes (RFC 9110 section 12.5.3), what
// the answer is, and the route's settings. Pure.

#include <string>
#include <string_view>

#include "http/parser.h"
#include "model/route_settings.h"

namespace nuri::router {

enum class Coding { none, gzip, zstd };
std::string_view name_of(Coding coding);  // "gzip"

// What the client likes most; zstd of equals. `accept_encoding`: all of its values, with commas.
Coding wanted_coding(std::string_view accept_encoding);

// Whether an answer may be compressed for those who want it: such an answer varies by
// Accept-Encoding for everybody.
bool may_compress(const model::Compression& settings, const http::HeadView& answer,
                  std::string_view method);

// The content is another one then, so a strong ETag becomes a weak one (RFC 9110 section 8.8.1).
std::string weak_etag(std::string_view etag);

}  // namespace nuri::router

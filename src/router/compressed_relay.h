#pragma once

// Passes an answer's content on, compressed and in chunks.

#include "router/compressor.h"
#include "router/wire.h"

namespace nuri::router {

// As relay_body, but what `to` gets is chunked (RFC 9112 section 7.1). What has come goes out
// before the next wait for more: an event stream is not held back. `bytes` are those that came.
Task<RelayResult> relay_compressed(Wire& from, Wire& to, http::Framing framing,
                                   Compressor& compressor, std::string prefix, Patience patience);

}  // namespace nuri::router

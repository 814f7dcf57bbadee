#pragma once

// W3C Trace Context (w3.org/TR/trace-context, sections 3.2 and 4.2): each request belongs to a
// trace, which the client began or the router begins. Pure.

#include <array>
#include <string_view>

#include "http/parser.h"

namespace nuri::router {

// The `traceparent` that the instance gets: the client's trace with the router's own span as
// parent, or a new, sampled trace.
struct TraceContext {
  std::array<char, 55> text;
  bool continued = false;  // false: the client's tracestate means nothing now
  std::string_view parent() const { return {text.data(), text.size()}; }
};

// `request_id`: 32 hex digits, random; names a new trace, and the span.
TraceContext trace_context(const http::HeadView& head, std::string_view request_id);

}  // namespace nuri::router

#pragma once

// What a route's settings answer by themselves, before an instance is picked: who may ask, where
// it should have asked, maintenance, limits. Pure; model/route_settings.h says what each means.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "http/parser.h"
#include "model/route_settings.h"

namespace nuri::router {

// What is known of a request when its head is there.
struct Asked {
  std::string_view client;         // its address, without port
  std::string_view host;           // lower case, no port
  std::string_view authority;      // as sent: with its port
  std::string_view path_query;     // "/a?b", or "*"
  bool secure = false;             // it came over TLS
  std::uint16_t https_port = 443;  // where it would
  http::Framing framing;
};

// An answer of the router's own.
struct EdgeAnswer {
  int status = 0;
  std::string_view error;  // the stable word for X-Nuri-Error; empty: it is no error
  std::string message;
  std::string fields;      // more header lines, each with its end
  std::string_view page;   // HTML instead of the message; points into the settings
  int retry_after_s = -1;  // below 0: as always
};

// In this order: deny and allow, https_redirect and canonical_host, maintenance, body_limit.
// Nullopt: the request goes on (basic_auth is router/basic_auth.h's).
std::optional<EdgeAnswer> edge_answer(const model::RouteSettings& settings, const Asked& asked);

// Also for content that was found too large while it came.
EdgeAnswer body_too_large(std::uint64_t limit);

// The route's own page for an error of the router's; empty: there is none.
std::string_view error_page(const model::RouteSettings& settings, int status);

}  // namespace nuri::router

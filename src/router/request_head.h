#pragma once

// Heads as the router passes them on: hop-by-hop fields end here (RFC 9110 section 7.6.1), the
// fields that say who asked are the router's own. Pure.

#include <string>
#include <string_view>

#include "http/parser.h"

namespace nuri::router {

struct Forwarded {
  std::string_view client;      // its address, without port
  std::string_view proto;       // "http"
  std::string_view request_id;  // 32 hex digits
};

// The request's head for the instance. Whatever X-Forwarded-* the client sent is dropped.
std::string request_head(const http::HeadView& head, const Forwarded& forwarded);

struct AnswerWish {
  bool close = false;    // this is the connection's last answer
  bool unframe = false;  // the content's chunk framing is taken off
};
std::string answer_head(const http::HeadView& head, const AnswerWish& wish,
                        std::string_view request_id);

// An answer that the router makes itself. `error`: the stable word in X-Nuri-Error; as JSON when
// the client prefers it, else as a page.
std::string own_answer(int status, std::string_view error, std::string_view message,
                       std::string_view accept, std::string_view request_id, bool close,
                       bool head_only);

}  // namespace nuri::router

#pragma once

// Heads as the router passes them on: hop-by-hop fields end here (RFC 9110 section 7.6.1), the
// fields that say who asked are the router's own. Pure.

#include <string>
#include <string_view>

#include "http/parser.h"
#include "model/route_settings.h"

namespace nuri::router {

// Whether the client asks for another protocol that is passed on: HTTP/2 is not, since requests
// inside it would reach the instance unseen.
bool wants_tunnel(const http::HeadView& head);

// The client's X-Request-Id if it is a plain word, else `otherwise`.
std::string_view request_id_of(const http::HeadView& head, std::string_view otherwise);

struct Forwarded {
  std::string_view client;      // its address, without port; after others' before it, if believed
  std::string_view proto;       // "http" or "https"
  std::string_view request_id;  // the router's own: 32 hex digits
};

// Adds the request's head for the instance. Whatever the client sent of X-Forwarded-*, Forwarded,
// X-Real-Ip and X-Vcap-Request-Id is dropped, also spelled with underscores, which many apps take
// for the same.
void append_request_head(std::string& out, const http::HeadView& head, const Forwarded& forwarded);

struct AnswerWish {
  bool close = false;            // this is the connection's last answer
  bool say_keep = false;         // HTTP/1.0 clients are told that it is not
  bool unframe = false;          // the content's chunk framing is taken off
  std::string_view cookie = {};  // one more Set-Cookie's value; empty: none
  // What the route's settings change.
  const model::HeaderEdits* edits = nullptr;
  std::string_view coding = {};  // the content is sent in this coding, in chunks; empty: as it is
  bool vary = false;             // it might have been
  std::size_t content_here = 0;  // bytes for which there is room behind it
};
// An answer's head for the client; 1xx too.
std::string answer_head(const http::HeadView& head, const AnswerWish& wish,
                        std::string_view request_id);

// An answer that the router makes itself. `error`: the stable word in X-Nuri-Error; as JSON when
// the client prefers it, else as text. `with_body`: false for HEAD.
struct OwnAnswer {
  int status = 500;
  std::string_view error{}, message{}, accept{}, request_id{};  // error empty: it is none
  std::string_view page{};                                      // HTML instead of the message
  std::string_view type{};    // of the message, which then is all of the content; empty: see above
  std::string_view fields{};  // more header lines, each with its end
  int retry_after_s = 2;      // with 503
  const model::HeaderEdits* edits = nullptr;  // set, but for what it says itself
  bool close = false, say_keep = false, with_body = true;
};
std::string own_answer(const OwnAnswer& answer);

}  // namespace nuri::router

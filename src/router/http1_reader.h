#pragma once

// Http1Reader: an HTTP/1.1 message as the router writes it, taken apart again for a peer that
// speaks HTTP/2. Pure; nothing of it waits.

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/body_parser.h"
#include "http/parser.h"

namespace nuri::router {

class Http1Reader {
 public:
  // A request, or the answer to a request with `method`.
  static Http1Reader of_request() { return Http1Reader(http::HeadParser::Kind::request, {}); }
  static Http1Reader of_answer(std::string method) {
    return Http1Reader(http::HeadParser::Kind::response, std::move(method));
  }

  struct Part {
    enum class Kind { nothing, head, data, end } kind = Kind::nothing;
    // In `space`, good until the next call; 1xx comes as a head too.
    const http::HeadView* head = nullptr;
    bool empty = false;     // head: no content follows, the end is next
    std::string_view data;  // within the bytes given
  };
  // The next part of what begins `bytes`, which loses it. Nothing: more bytes are needed (or, after
  // the end, none are). A head that comes in pieces is kept; content is not.
  // `space` holds a head's fields: one is enough for a loop.
  std::expected<Part, http::Refusal> next(std::string_view& bytes, http::HeadSpace& space);
  bool ended() const { return ended_; }
  // The sender closed; true if that ends a message that lasts until then.
  bool close();
  // Of the trailer, once ended.
  std::vector<http::HeaderView> trailer() const;

 private:
  Http1Reader(http::HeadParser::Kind kind, std::string method)
      : kind_(kind), method_(std::move(method)), parser_(kind) {}
  std::expected<Part, http::Refusal> next_head(std::string_view& bytes, http::HeadSpace& space);

  http::HeadParser::Kind kind_;
  std::string method_;
  http::HeadParser parser_;
  std::string head_;      // what came of it
  bool interim_ = false;  // it is complete, and another follows
  std::optional<http::BodyParser> body_;
  std::string trailer_;
  bool ended_ = false;
};

}  // namespace nuri::router

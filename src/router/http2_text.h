#pragma once

// HTTP/2's header blocks as HTTP/1.1 text and back (RFC 9113 section 8). Inside the router every
// message is HTTP/1.1, held to the same rules, whatever its client or instance speaks. Pure.

#include <nghttp2/nghttp2.h>

#include <string>
#include <string_view>
#include <vector>

#include "http/parser.h"

namespace nuri::router {

// The fields of one block, as they come. nghttp2 has checked them: names are lower case tokens,
// values hold no CR, LF or NUL, pseudo fields are known, not twice, and first (section 8.2.1, 8.3).
class Http2Block {
 public:
  // Beyond the limit of a head fields are dropped, enough being kept for a parser to refuse it.
  void add(std::string_view name, std::string_view value);

  enum class Content { none, follows };
  // A request's head. Content of unknown length is chunked.
  std::string request(Content content) const;
  // The head of an answer to a request with `method`. `framed`: whether its content is chunked.
  std::string answer(Content content, std::string_view method, bool& framed) const;
  // The lines of a trailer.
  const std::string& fields() const { return fields_; }

  bool has_length() const { return has_length_; }
  const std::string& method() const { return method_; }
  int status() const { return status_; }

 private:
  std::string method_, path_, authority_, fields_, cookie_;
  int status_ = 0;
  bool has_length_ = false, has_host_ = false;
};

// What HTTP/2 sends for a head or a trailer: names in lower case, without the connection's own
// fields (section 8.2.2). The views and `names` live until nghttp2 has copied them.
class Http2Fields {
 public:
  void request(const http::HeadView& head, std::string_view scheme);
  void answer(const http::HeadView& head);
  void add(std::string_view name, std::string_view value);
  std::vector<nghttp2_nv> list() const;

 private:
  void add_all(const http::HeadView& head);
  struct Field {
    std::size_t name_at, name_bytes;
    std::string_view value;
  };
  std::string names_;
  std::string status_;
  std::vector<Field> fields_;
};

}  // namespace nuri::router

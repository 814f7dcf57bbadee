#include "router/http2_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/limits.h"
#include "http/head_rules.h"
#include "http/head_text.h"
#include "http/message.h"

namespace nuri::router {

void Http2Block::add(std::string_view name, std::string_view value) {
  // Cookies too: a byte or two name a field that HPACK has seen before, however long it is.
  if (fields_.size() + path_.size() + cookie_.size() > limits::kHeadBytes) return;
  if (name == ":method") {
    method_ = value;
  } else if (name == ":path") {
    path_ = value;
  } else if (name == ":authority") {
    authority_ = value;
  } else if (name == ":status") {
    std::from_chars(value.data(), value.data() + value.size(), status_);
  } else if (name.starts_with(':')) {
    return;  // :scheme
  } else if (name == "cookie") {
    // It may come in crumbs (section 8.2.3).
    if (!cookie_.empty()) cookie_ += "; ";
    cookie_ += value;
  } else {
    has_length_ |= name == "content-length";
    has_host_ |= name == "host";
    // An authority is the host; a Host that says another leaves two of them, which is refused.
    if (name == "host" && http::same_name(value, authority_)) return;
    http::append_header(fields_, name, value);
  }
}

std::string Http2Block::request(Content content) const {
  std::string text;
  text.reserve(fields_.size() + path_.size() + authority_.size() + cookie_.size() + 96);
  text.append(method_).append(" ").append(path_).append(" HTTP/1.1\r\n");
  if (!authority_.empty() || !has_host_) http::append_header(text, "Host", authority_);
  text += fields_;
  if (!cookie_.empty()) http::append_header(text, "cookie", cookie_);
  if (content == Content::follows && !has_length_) text += "Transfer-Encoding: chunked\r\n";
  text += "\r\n";
  return text;
}

std::string Http2Block::answer(Content content, std::string_view method, bool& framed) const {
  std::string text;
  text.reserve(fields_.size() + 64);
  http::append_status_line(text, status_);
  text += fields_;
  framed = content == Content::follows && !has_length_ && status_ >= 200;
  if (framed)
    text += "Transfer-Encoding: chunked\r\n";
  else if (content == Content::none && !has_length_ && status_ >= 200 && status_ != 204 &&
           status_ != 304 && method != "HEAD")
    text += "Content-Length: 0\r\n";
  text += "\r\n";
  return text;
}

void Http2Fields::add(std::string_view name, std::string_view value) {
  fields_.push_back({names_.size(), name.size(), value});
  std::ranges::transform(name, std::back_inserter(names_), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  });
}

void Http2Fields::add_all(const http::HeadView& head) {
  for (const auto& field : head.headers)
    if (!http::is_connection_header(field.name) || http::same_name(field.name, "Content-Length"))
      add(field.name, field.value);
}

void Http2Fields::request(const http::HeadView& head, std::string_view scheme) {
  add(":method", head.method);
  add(":scheme", scheme);
  add(":authority", head.authority);
  add(":path", head.path_query);
  for (const auto& field : head.headers) {
    if (http::same_name(field.name, "Host")) continue;
    if (!http::is_connection_header(field.name) || http::same_name(field.name, "Content-Length"))
      add(field.name, field.value);
  }
  // Trailers are always passed on; gRPC asks for it (section 8.2.2).
  add("te", "trailers");
}

void Http2Fields::answer(const http::HeadView& head) {
  status_ = fmt::to_string(head.status);
  add(":status", status_);
  add_all(head);
}

std::vector<nghttp2_nv> Http2Fields::list() const {
  std::vector<nghttp2_nv> out;
  out.reserve(fields_.size());
  const auto bytes = [](std::string_view text) {
    return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
  };
  for (const auto& field : fields_) {
    const auto name = std::string_view(names_).substr(field.name_at, field.name_bytes);
    out.push_back(
        {bytes(name), bytes(field.value), name.size(), field.value.size(), NGHTTP2_NV_FLAG_NONE});
  }
  return out;
}

}  // namespace nuri::router

#include <nghttp2/nghttp2.h>

#include <algorithm>

#include "base/assert.h"
#include "http/head_text.h"
#include "http/parser.h"
#include "router/http2_text.h"

// A block of fields as HTTP/2 brings them becomes the text of one head, field for field, or of
// something that the parser refuses: never of more than was said. Input: how, then a line a field,
// "name value".

namespace {

using namespace nuri;
using Content = router::Http2Block::Content;
using Kind = http::HeadParser::Kind;

const std::uint8_t* bytes_of(std::string_view text) {
  return reinterpret_cast<const std::uint8_t*>(text.data());
}

// What nghttp2 lets through to the block.
bool good(std::string_view name, std::string_view value) {
  const auto* bytes = bytes_of(value);
  if (name == ":method") return nghttp2_check_method(bytes, value.size()) != 0;
  if (name == ":path") return !value.empty() && nghttp2_check_path(bytes, value.size()) != 0;
  if (name == ":authority") return nghttp2_check_authority(bytes, value.size()) != 0;
  if (name == ":status")
    return value.size() == 3 && value.find_first_not_of("0123456789") == value.npos;
  if (name.empty() || name.front() == ':') return false;
  if (http::is_connection_header(name) && name != "te" && name != "content-length") return false;
  return nghttp2_check_header_name(bytes_of(name), name.size()) != 0 &&
         nghttp2_check_header_value_rfc9113(bytes, value.size()) != 0;
}

struct Told {
  router::Http2Block block;
  std::string path, authority;
  std::size_t fields = 0;
  bool cookie = false, host = false;
};

void tell(Told& told, std::string_view name, std::string_view value) {
  told.block.add(name, value);
  if (name == ":path") told.path = value;
  if (name == ":authority") told.authority = value;
  if (name.front() == ':') return;
  if (name == "cookie")
    told.cookie |= !value.empty();
  else
    ++told.fields;
  told.host |= name == "host";
}

void read(Told& told, std::string_view lines) {
  while (!lines.empty()) {
    const std::string_view line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(std::min(lines.size(), line.size() + 1));
    const auto space = std::min(line.find(' '), line.size());
    const auto name = line.substr(0, space);
    const auto value = line.substr(std::min(line.size(), space + 1));
    if (good(name, value)) tell(told, name, value);
  }
}

void check_request(const Told& told, Content content) {
  const std::string text = told.block.request(content);
  http::HeadSpace space;
  http::HeadParser parser(Kind::request);
  const auto head = parser.parse(text, space);
  NURI_ASSERT(!head || *head);
  if (!head) return;
  NURI_ASSERT((*head)->bytes == text.size());
  NURI_ASSERT((*head)->method == told.block.method() && (*head)->target == told.path);
  const auto framing = http::framing_of_request(**head);
  if (content == Content::follows && !told.block.has_length())
    NURI_ASSERT(framing.kind == http::Framing::Kind::chunked);
  else
    NURI_ASSERT(framing.kind != http::Framing::Kind::chunked);
  const std::size_t chunked = framing.kind == http::Framing::Kind::chunked ? 1 : 0;
  // A Host that says what the authority says is left out.
  const std::size_t host = told.authority.empty() && told.host ? 0 : 1;
  const std::size_t most = told.fields + chunked + host + (told.cookie ? 1 : 0);
  NURI_ASSERT((*head)->headers.size() <= most);
  if (!told.host) NURI_ASSERT((*head)->headers.size() == most);
}

void check_answer(const Told& told, Content content, std::string_view method) {
  bool framed = false;
  const std::string text = told.block.answer(content, method, framed);
  http::HeadSpace space;
  http::HeadParser parser(Kind::response);
  const auto head = parser.parse(text, space);
  NURI_ASSERT(!head || *head);
  if (!head) return;
  NURI_ASSERT((*head)->bytes == text.size() && (*head)->status == told.block.status());
  NURI_ASSERT((*head)->chunked == framed);
  // Every answer but an interim one ends by itself.
  if ((*head)->status >= 200)
    NURI_ASSERT(http::framing_of_response(**head, method).kind != http::Framing::Kind::until_close);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size == 0) return 0;
  const auto content = (data[0] & 1) != 0 ? Content::follows : Content::none;
  Told told;
  read(told, {reinterpret_cast<const char*>(data) + 1, size - 1});
  check_request(told, content);
  check_answer(told, content, (data[0] & 2) != 0 ? "HEAD" : "GET");
  return 0;
}

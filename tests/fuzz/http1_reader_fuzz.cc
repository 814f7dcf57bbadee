#include "base/assert.h"
#include "http/head_text.h"
#include "http/message.h"
#include "router/http1_reader.h"
#include "router/http2_text.h"

// However a message is cut, the reader finds the same in it; and what it finds, put into HTTP/2's
// fields and made HTTP/1.1 text again, is the same message. The first byte says how it is cut and
// what it is.

namespace {

using namespace nuri;
using router::Http1Reader;
using router::Http2Block;
using router::Http2Fields;
using Kind = Http1Reader::Part::Kind;

struct Found {
  std::string heads;  // as text, connection fields left out
  std::string content;
  std::string trailer;
  std::string again;  // the final head and the content, by way of HTTP/2
  bool ended = false;
  bool hosted = true;        // or a request that says no host, which has no route
  std::string_view refused;  // why
};

void append_head(Found& found, const http::HeadView& head) {
  found.heads.append(head.method).append(" ").append(head.path_query);
  found.heads += " " + std::to_string(head.status) + "\n";
  for (const auto& field : head.headers) {
    if (http::is_connection_header(field.name) || http::same_name(field.name, "Host")) continue;
    for (const char c : field.name)
      found.heads += c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    found.heads.append(": ").append(field.value).append("\n");
  }
}

std::string by_way_of_http2(const http::HeadView& head, std::string_view method, bool empty) {
  Http2Fields fields;
  if (method.empty())
    fields.request(head, "http");
  else
    fields.answer(head);
  Http2Block block;
  for (const auto& one : fields.list())
    block.add({reinterpret_cast<const char*>(one.name), one.namelen},
              {reinterpret_cast<const char*>(one.value), one.valuelen});
  const auto content = empty ? Http2Block::Content::none : Http2Block::Content::follows;
  bool framed = false;
  return method.empty() ? block.request(content) : block.answer(content, method, framed);
}

void take(Found& found, const Http1Reader::Part& part, std::string_view method, bool& chunked) {
  if (part.kind == Kind::head) {
    append_head(found, *part.head);
    if (part.head->status != 0 && part.head->status < 200) return;
    found.hosted = !method.empty() || !part.head->authority.empty();
    found.again = by_way_of_http2(*part.head, method, part.empty);
    chunked = found.again.find("\r\nTransfer-Encoding: chunked\r\n") != found.again.npos;
  } else if (part.kind == Kind::data) {
    NURI_ASSERT(!part.data.empty());
    found.content += part.data;
    if (chunked)
      http::append_chunk(found.again, part.data);
    else
      found.again += part.data;
  } else if (part.kind == Kind::end && chunked) {
    found.again += "0\r\n\r\n";
  }
}

Found find(std::string_view bytes, std::string_view method, std::size_t piece) {
  Found found;
  http::HeadSpace space;
  auto reader =
      method.empty() ? Http1Reader::of_request() : Http1Reader::of_answer(std::string(method));
  bool chunked = false;
  while (!bytes.empty() && !reader.ended()) {
    std::string now(bytes.substr(0, piece));
    now.shrink_to_fit();
    bytes.remove_prefix(now.size());
    for (std::string_view rest = now;;) {
      const auto part = reader.next(rest, space);
      if (!part) {
        found.refused = part.error().reason;
        return found;
      }
      if (part->kind == Kind::nothing) break;
      take(found, *part, method, chunked);
    }
  }
  if (!reader.ended() && reader.close() && chunked) found.again += "0\r\n\r\n";
  found.ended = reader.ended();
  if (found.ended)
    for (const auto& field : reader.trailer())
      found.trailer.append(field.name).append(": ").append(field.value).append("\n");
  return found;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  constexpr std::string_view kMethods[] = {"", "GET", "HEAD", ""};
  const std::string_view method = kMethods[data[0] & 3];
  const Found whole = find(bytes, method, bytes.size() + 1);
  const Found cut = find(bytes, method, 1 + (data[0] >> 2));
  NURI_ASSERT(whole.refused == cut.refused && whole.ended == cut.ended);
  NURI_ASSERT(whole.heads == cut.heads && whole.trailer == cut.trailer);
  NURI_ASSERT(whole.content == cut.content);
  if (!whole.ended || !whole.hosted) return 0;
  const Found again = find(whole.again, method, whole.again.size() + 1);
  // What is added may make it too large, or too many fields.
  if (again.refused.find("too ") != again.refused.npos) return 0;
  NURI_ASSERT(again.refused.empty() && again.ended && again.content == whole.content);
  // Cookies are joined; interim answers stand before the final one.
  if (whole.heads.find("cookie: ") == whole.heads.npos)
    NURI_ASSERT(whole.heads.ends_with(again.heads));
  return 0;
}

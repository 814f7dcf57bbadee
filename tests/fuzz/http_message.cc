#include "http_message.h"

#include <llhttp.h>

#include <algorithm>
#include <vector>

#include "base/assert.h"
#include "http/body_parser.h"
#include "http/head_rules.h"

namespace nuri::fuzz {
namespace {

using http::BodyParser;
using http::Framing;
using http::HeadParser;
using http::HeadView;

void append(std::string& out, std::string_view text) {
  out += text;
  out += '\n';
}

void append_head(std::string& out, const HeadView& head, std::string_view bytes) {
  const auto inside = [&](std::string_view view) {
    return view.empty() ||
           (view.data() >= bytes.data() && view.data() + view.size() <= bytes.data() + head.bytes);
  };
  NURI_ASSERT(head.bytes <= bytes.size() && head.bytes <= limits::kHeadBytes);
  for (const std::string_view view :
       {head.method, head.target, head.authority, head.path_query, head.reason}) {
    NURI_ASSERT(inside(view));
    append(out, view);
  }
  NURI_ASSERT(!(head.chunked && head.content_length));
  NURI_ASSERT(head.path_query.empty() || head.path_query[0] == '/' || head.path_query == "*");
  append(out, std::to_string(head.status) + (head.keep_alive ? "k" : "") +
                  (head.upgrade ? "u" : "") + (head.expect_continue ? "e" : "") +
                  (head.version == http::Version::http10 ? "0" : "1"));
  for (const http::HeaderView& header : head.headers) {
    NURI_ASSERT(inside(header.name) && inside(header.value) && !header.name.empty());
    constexpr std::string_view kForbidden("\r\n\0", 3);
    NURI_ASSERT(header.value.find_first_of(kForbidden) == header.value.npos);
    append(out, header.name);
    append(out, header.value);
  }
}

// Bytes as a connection holds them: what arrived, cut by `piece`.
class Arriving {
 public:
  Arriving(std::string_view bytes, std::size_t piece) : rest_(bytes), piece_(piece) {}
  bool more() {
    if (rest_.empty()) return false;
    const std::string_view now = rest_.substr(0, piece_);
    held_.append(now);
    rest_.remove_prefix(now.size());
    return true;
  }
  std::string_view held() {
    held_.shrink_to_fit();
    return held_;
  }
  void consume(std::size_t n) { held_.erase(0, n); }

 private:
  std::string held_;
  std::string_view rest_;
  std::size_t piece_;
};

// False: nothing can follow.
bool read_body(Arriving& bytes, Framing framing, std::string& out) {
  BodyParser parser(framing);
  std::string content;
  while (!parser.done()) {
    if (bytes.held().empty() && !bytes.more()) {
      append(out, content + (parser.may_end() ? " at the end" : " cut short"));
      return false;
    }
    const auto step = parser.parse(bytes.held());
    if (!step) {
      append(out, content + " refused: " + std::string(step.error().reason));
      return false;
    }
    NURI_ASSERT(step->consumed > 0 && step->consumed <= bytes.held().size());
    content += step->data;
    bytes.consume(step->consumed);
  }
  append(out, content);
  return true;
}

}  // namespace

std::string transcript(HeadParser::Kind kind, std::string_view all, std::size_t piece) {
  std::string out;
  Arriving bytes(all, piece);
  http::HeadSpace space;
  HeadParser parser(kind);
  for (;;) {
    const auto parsed = parser.parse(bytes.held(), space);
    if (!parsed) {
      append(out, std::to_string(parsed.error().status) + std::string(parsed.error().reason));
      return out;
    }
    if (!*parsed) {
      if (bytes.more()) continue;
      append(out, "incomplete");
      return out;
    }
    append_head(out, **parsed, bytes.held());
    const Framing framing = kind == HeadParser::Kind::request
                                ? framing_of_request(**parsed)
                                : framing_of_response(**parsed, "GET");
    const bool last = !(*parsed)->keep_alive;
    bytes.consume((*parsed)->bytes);
    if (!read_body(bytes, framing, out) || last) return out;
    parser.reset();
  }
}

namespace {

struct Oracle {
  bool bodiless = false;  // what llhttp must be told: the status forbids content
  std::string_view method, target;
  std::vector<http::HeaderView> headers;
  bool head_ended = false;
  std::string content;
  bool complete = false;
  static Oracle& of(llhttp_t* parser) { return *static_cast<Oracle*>(parser->data); }
};

int on_method(llhttp_t* parser, const char* at, std::size_t size) {
  Oracle::of(parser).method = {at, size};
  return 0;
}
int on_target(llhttp_t* parser, const char* at, std::size_t size) {
  Oracle::of(parser).target = {at, size};
  return 0;
}
int on_name(llhttp_t* parser, const char* at, std::size_t size) {
  Oracle& oracle = Oracle::of(parser);
  if (!oracle.head_ended) oracle.headers.push_back({{at, size}, {}});
  return 0;
}
int on_value(llhttp_t* parser, const char* at, std::size_t size) {
  Oracle& oracle = Oracle::of(parser);
  if (oracle.head_ended) return 0;
  std::string_view& value = oracle.headers.back().value;
  const char* begin = value.empty() ? at : value.data();  // of one that comes in pieces
  value = {begin, static_cast<std::size_t>(at - begin) + size};
  return 0;
}
int on_content(llhttp_t* parser, const char* at, std::size_t size) {
  Oracle::of(parser).content.append(at, size);
  return 0;
}
int on_head(llhttp_t* parser) {
  Oracle& oracle = Oracle::of(parser);
  oracle.head_ended = true;
  return oracle.bodiless ? 1 : 0;
}
int on_complete(llhttp_t* parser) {
  Oracle::of(parser).complete = true;
  return HPE_PAUSED;
}

void compare_heads(const HeadView& ours, const Oracle& oracle) {
  NURI_ASSERT(oracle.head_ended);
  NURI_ASSERT(oracle.method == ours.method && oracle.target == ours.target);
  NURI_ASSERT(std::ranges::equal(ours.headers, oracle.headers,
                                 [](const http::HeaderView& a, const http::HeaderView& b) {
                                   return a.name == b.name && a.value == http::trimmed(b.value);
                                 }));
}

}  // namespace

void compare_with_llhttp(HeadParser::Kind kind, std::string_view bytes) {
  http::HeadSpace space;
  HeadParser parser(kind);
  const auto parsed = parser.parse(bytes, space);
  if (!parsed || !*parsed || (*parsed)->upgrade || (*parsed)->status / 100 == 1) return;
  const Framing framing = kind == HeadParser::Kind::request ? framing_of_request(**parsed)
                                                            : framing_of_response(**parsed, "GET");
  BodyParser body(framing);
  std::string content;
  std::size_t used = (*parsed)->bytes;
  bool trailer = false;
  while (!body.done() && used < bytes.size()) {
    const auto step = body.parse(bytes.substr(used));
    if (!step) return;
    content += step->data;
    used += step->consumed;
    trailer = framing.kind == Framing::Kind::chunked;
  }
  if (!body.done()) return;

  Oracle oracle;
  oracle.bodiless = (*parsed)->status == 304;
  llhttp_settings_t settings;
  llhttp_settings_init(&settings);
  settings.on_method = on_method;
  settings.on_url = on_target;
  settings.on_header_field = on_name;
  settings.on_header_value = on_value;
  settings.on_headers_complete = on_head;
  settings.on_body = on_content;
  settings.on_message_complete = on_complete;
  llhttp_t other;
  llhttp_init(&other, kind == HeadParser::Kind::request ? HTTP_REQUEST : HTTP_RESPONSE, &settings);
  other.data = &oracle;
  llhttp_execute(&other, bytes.data(), used);
  compare_heads(**parsed, oracle);
  // llhttp knows neither quoted values of chunk extensions nor what follows one with a value.
  if (trailer && !oracle.complete &&
      bytes.substr((*parsed)->bytes, used - (*parsed)->bytes).find_first_of("=\"") != bytes.npos) {
    NURI_ASSERT(content.starts_with(oracle.content));
    return;
  }
  // Trailer fields are dropped unread here; llhttp gives some of them a meaning and then refuses.
  if (trailer && !oracle.complete) {
    NURI_ASSERT(oracle.content == content);
    return;
  }
  NURI_ASSERT(oracle.complete && oracle.content == content);
}

void check(HeadParser::Kind kind, std::string_view input) {
  if (input.empty()) return;
  const std::size_t piece = 1 + static_cast<unsigned char>(input.front());
  const std::string_view bytes = input.substr(1);
  const std::string whole = transcript(kind, bytes, bytes.size() + 1);
  NURI_ASSERT(transcript(kind, bytes, piece) == whole);
  if (bytes.size() < 2000) NURI_ASSERT(transcript(kind, bytes, 1) == whole);
  compare_with_llhttp(kind, bytes);
}

}  // namespace nuri::fuzz

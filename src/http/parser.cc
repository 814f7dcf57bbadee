#include "http/parser.h"

#include <llhttp.h>

#include <cstring>

#include "http/head_rules.h"
#include "http/message.h"

namespace nuri::http {
namespace {

// What llhttp's callbacks fill in; the parser's `data` points to it.
struct Collector {
  HeadView& head;
  HeadSpace& space;
  std::size_t count = 0;
  bool complete = false;
  bool too_many = false;
  static Collector& of(llhttp_t* parser) { return *static_cast<Collector*>(parser->data); }
};

int on_method(llhttp_t* parser, const char* at, std::size_t length) {
  Collector::of(parser).head.method = {at, length};
  return HPE_OK;
}

int on_url(llhttp_t* parser, const char* at, std::size_t length) {
  Collector::of(parser).head.target = {at, length};
  return HPE_OK;
}

int on_header_field(llhttp_t* parser, const char* at, std::size_t length) {
  Collector& collector = Collector::of(parser);
  if (collector.count == collector.space.size()) {
    collector.too_many = true;
    return HPE_USER;
  }
  collector.space[collector.count++] = {{at, length}, {}};
  return HPE_OK;
}

int on_header_value(llhttp_t* parser, const char* at, std::size_t length) {
  Collector& collector = Collector::of(parser);
  HeaderView& header = collector.space[collector.count - 1];
  // A value comes in one piece when the head is in one buffer; pieces of one would be neighbours.
  header.value =
      header.value.empty()
          ? std::string_view(at, length)
          : std::string_view(header.value.data(),
                             static_cast<std::size_t>(at - header.value.data()) + length);
  return HPE_OK;
}

int on_headers_complete(llhttp_t* parser) {
  Collector::of(parser).complete = true;
  return HPE_PAUSED;
}

llhttp_settings_t make_settings() {
  llhttp_settings_t settings;
  llhttp_settings_init(&settings);
  settings.on_method = on_method;
  settings.on_url = on_url;
  settings.on_header_field = on_header_field;
  settings.on_header_value = on_header_value;
  settings.on_headers_complete = on_headers_complete;
  return settings;
}
const llhttp_settings_t kSettings = make_settings();

Refusal refusal_of(llhttp_t& parser, const Collector& collector) {
  if (collector.too_many) return {431, "too many headers"};
  switch (llhttp_get_errno(&parser)) {
    case HPE_INVALID_METHOD:
      return {501, "the method is not known here"};
    case HPE_INVALID_URL:
      return {400, "the target is malformed"};
    case HPE_INVALID_VERSION:
      return {505, "the version is neither HTTP/1.1 nor HTTP/1.0"};
    case HPE_INVALID_HEADER_TOKEN:
      return {400, "a header's name or value holds a character that may not be there"};
    case HPE_INVALID_CONTENT_LENGTH:
      return {400, "Content-Length is not a number"};
    case HPE_UNEXPECTED_CONTENT_LENGTH:
      return {400, "Content-Length is given twice, or beside Transfer-Encoding"};
    case HPE_INVALID_TRANSFER_ENCODING:
      return {400, "Transfer-Encoding is malformed"};
    default:
      return {400, "this is not HTTP/1.1"};
  }
}

// The first byte of a TLS record with a handshake (RFC 8446 section 5.1).
constexpr char kTlsHandshake = 0x16;

}  // namespace

std::optional<std::string_view> HeadView::find(std::string_view name) const {
  for (const HeaderView& header : headers)
    if (same_name(header.name, name)) return header.value;
  return std::nullopt;
}

// Finds the end of the head and refuses what must not stand at the end or start of any line.
std::optional<Refusal> HeadParser::scan(std::string_view bytes) {
  const std::string_view within = bytes.substr(0, limits::kHeadBytes);
  if (!within.empty() && within[0] == kTlsHandshake)
    return Refusal{400, "this is TLS, on a port that speaks plain HTTP"};
  while (seen_ < within.size()) {
    if (line_ > skipped_ && seen_ == line_ && (within[line_] == ' ' || within[line_] == '\t'))
      return Refusal{400, "a header is folded over two lines"};
    const std::size_t feed = within.find('\n', seen_);
    if (feed == within.npos) {
      seen_ = static_cast<std::uint32_t>(within.size());
      break;
    }
    const std::string_view line = within.substr(line_, feed - line_);
    if (line.empty() || line.back() != '\r')
      return Refusal{400, "a line ends in a line feed alone"};
    if (line.find('\r') != line.size() - 1) return Refusal{400, "a carriage return stands alone"};
    const bool blank = line.size() == 1;
    const auto next = static_cast<std::uint32_t>(feed + 1);
    if (blank && line_ == 0 && kind_ == Kind::request) {
      skipped_ = next;
    } else if (blank) {
      if (first_line_ == 0) return Refusal{400, "the start line is empty"};
      complete_ = true;
      line_ = seen_ = next;
      return std::nullopt;
    } else if (first_line_ == 0) {
      first_line_ = next - line_;
    }
    line_ = seen_ = next;
  }
  if (bytes.size() >= limits::kHeadBytes)
    return first_line_ == 0 ? Refusal{414, "the request line is too long"}
                            : Refusal{431, "the headers are too large"};
  return std::nullopt;
}

std::expected<std::optional<HeadView>, Refusal> HeadParser::parse(std::string_view bytes,
                                                                  HeadSpace& space) {
  auto result = parse_strictly(bytes, space);
  // Whatever is wrong with an answer, whoever asked for it was right.
  if (!result && kind_ == Kind::response) result.error().status = 502;
  return result;
}

std::expected<std::optional<HeadView>, Refusal> HeadParser::parse_strictly(std::string_view bytes,
                                                                           HeadSpace& space) {
  if (!complete_)
    if (const auto refusal = scan(bytes)) return std::unexpected(*refusal);
  if (!complete_) return std::nullopt;

  HeadView head;
  head.bytes = line_;
  Collector collector{head, space};
  llhttp_t parser;
  llhttp_init(&parser, kind_ == Kind::request ? HTTP_REQUEST : HTTP_RESPONSE, &kSettings);
  parser.data = &collector;
  const std::string_view message = bytes.substr(skipped_, line_ - skipped_);
  const llhttp_errno_t outcome = llhttp_execute(&parser, message.data(), message.size());
  if (outcome != HPE_PAUSED || !collector.complete)
    return std::unexpected(refusal_of(parser, collector));
  for (std::size_t i = 0; i < collector.count; ++i) space[i].value = trimmed(space[i].value);
  head.headers = {space.data(), collector.count};

  const std::string_view line = message.substr(0, first_line_ - 2);
  auto refusal =
      kind_ == Kind::request ? check_request_line(line, head) : check_status_line(line, head);
  if (!refusal)
    refusal = kind_ == Kind::request ? check_request_headers(head) : check_response_headers(head);
  if (refusal) return std::unexpected(*refusal);
  return head;
}

Framing framing_of_request(const HeadView& head) {
  if (head.chunked) return {Framing::Kind::chunked, 0};
  if (head.content_length.value_or(0) > 0) return {Framing::Kind::length, *head.content_length};
  return {};
}

Framing framing_of_response(const HeadView& head, std::string_view method) {
  if (head.status < 200 || head.status == 204 || head.status == 304 || method == "HEAD") return {};
  if (head.chunked) return {Framing::Kind::chunked, 0};
  if (!head.content_length) return {Framing::Kind::until_close, 0};
  if (*head.content_length > 0) return {Framing::Kind::length, *head.content_length};
  return {};
}

}  // namespace nuri::http

#include "http/parser.h"

#include "http/head_rules.h"
#include "http/message.h"

namespace nuri::http {
namespace {

// The first byte of a TLS record with a handshake (RFC 8446 section 5.1).
constexpr char kTlsHandshake = 0x16;

}  // namespace

std::optional<std::string_view> HeadView::find(std::string_view name) const {
  for (const HeaderView& header : headers)
    if (same_name(header.name, name)) return header.value;
  return std::nullopt;
}

// Finds the end of the head: an empty line. No line may end in any way but CR LF.
std::optional<Refusal> HeadParser::scan(std::string_view bytes) {
  const std::string_view within = bytes.substr(0, limits::kHeadBytes);
  if (!within.empty() && within[0] == kTlsHandshake)
    return Refusal{400, "this is TLS, on a port that speaks plain HTTP"};
  for (std::size_t feed; (feed = within.find('\n', seen_)) != within.npos;) {
    if (feed == line_ || within[feed - 1] != '\r')
      return Refusal{400, "a line ends in a line feed alone"};
    const bool blank = feed == line_ + 1;
    const auto next = static_cast<std::uint32_t>(feed + 1);
    if (blank && line_ == 0 && kind_ == Kind::request) {
      skipped_ = next;
    } else if (blank) {
      if (first_line_ == 0) return Refusal{400, "the start line is empty"};
      complete_ = true;
    } else if (first_line_ == 0) {
      first_line_ = next;
    }
    line_ = seen_ = next;
    if (complete_) return std::nullopt;
  }
  seen_ = static_cast<std::uint32_t>(within.size());
  if (bytes.size() >= limits::kHeadBytes)
    return first_line_ == 0 ? Refusal{414, "the request line is too long"}
                            : Refusal{431, "the headers are too large"};
  return std::nullopt;
}

// The complete head, from its first byte to the end of its empty line.
std::optional<Refusal> HeadParser::read(std::string_view bytes, HeadSpace& space) const {
  HeadView& head = space.head = {};
  head.bytes = line_;
  const std::string_view line = bytes.substr(skipped_, first_line_ - skipped_ - 2);
  const bool request = kind_ == Kind::request;
  if (auto refusal = request ? read_request_line(line, head) : read_status_line(line, head))
    return refusal;
  if (auto refusal = read_fields(bytes.substr(first_line_, line_ - first_line_ - 2), space))
    return refusal;
  return request ? check_request_headers(head) : check_response_headers(head);
}

std::expected<const HeadView*, Refusal> HeadParser::parse(std::string_view bytes,
                                                          HeadSpace& space) {
  auto refusal = complete_ ? std::nullopt : scan(bytes);
  if (!refusal && !complete_) return nullptr;
  if (!refusal) refusal = read(bytes, space);
  if (!refusal) return &space.head;
  // Whatever is wrong with an answer, whoever asked for it was right.
  if (kind_ == Kind::response) refusal->status = 502;
  return std::unexpected(*refusal);
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

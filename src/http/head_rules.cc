#include "http/head_rules.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "http/message.h"

namespace nuri::http {
namespace {

constexpr std::size_t kLengthDigits = 18;  // always fits a signed 64-bit number

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Which bytes are one of `marks`, or a letter or digit.
constexpr std::array<bool, 256> alnum_or(std::string_view marks) {
  std::array<bool, 256> out{};
  for (int c = 0; c < 128; ++c)
    out[static_cast<std::size_t>(c)] =
        (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
  for (const char c : marks) out[static_cast<unsigned char>(c)] = true;
  return out;
}
constexpr auto kToken = alnum_or("!#$%&'*+-.^_`|~");    // RFC 9110 section 5.6.2
constexpr auto kRegName = alnum_or("-._~%!$&'()*+;=");  // RFC 3986 section 3.2.2, less the comma
// Visible characters, spaces, tabs and bytes beyond ASCII (RFC 9110 section 5.5).
constexpr auto kText = [] {
  std::array<bool, 256> out{};
  for (std::size_t c = 0; c < out.size(); ++c) out[c] = (c >= 0x20 && c != 0x7f) || c == '\t';
  return out;
}();
bool in(const std::array<bool, 256>& set, char c) { return set[static_cast<unsigned char>(c)]; }

// Those that other servers know, too: peers disagree about the rest.
constexpr auto kMethods = std::to_array<std::string_view>(
    {"GET",         "POST",   "PUT",        "HEAD",     "DELETE",   "PATCH",  "OPTIONS",
     "CONNECT",     "TRACE",  "COPY",       "LOCK",     "MKCOL",    "MOVE",   "PROPFIND",
     "PROPPATCH",   "SEARCH", "UNLOCK",     "BIND",     "REBIND",   "UNBIND", "ACL",
     "REPORT",      "MERGE",  "MKACTIVITY", "CHECKOUT", "M-SEARCH", "NOTIFY", "SUBSCRIBE",
     "UNSUBSCRIBE", "PURGE",  "MKCALENDAR", "LINK",     "UNLINK",   "SOURCE"});

std::optional<Refusal> version_of(std::string_view text, Version& out) {
  if (text == "HTTP/1.1")
    out = Version::http11;
  else if (text == "HTTP/1.0")
    out = Version::http10;
  else if (text.size() == 8 && text.starts_with("HTTP/") && is_digit(text[5]) && text[6] == '.' &&
           is_digit(text[7]))
    return Refusal{505, "the version is neither HTTP/1.1 nor HTTP/1.0"};
  else
    return Refusal{400, "the start line has no HTTP version where it belongs"};
  return std::nullopt;
}

std::optional<Refusal> check_target(HeadView& head) {
  std::string_view target = head.target;
  if (target.size() > limits::kTargetBytes) return Refusal{414, "the target is too long"};
  if (head.method == "CONNECT") return Refusal{501, "CONNECT is not served here"};
  for (const char c : target)
    if (c <= 0x20 || c >= 0x7f || c == '#')
      return Refusal{400, "the target holds a character that must be percent-encoded"};
  if (target == "*") {
    if (head.method != "OPTIONS") return Refusal{400, "the target * is for OPTIONS only"};
    head.path_query = target;
    return std::nullopt;
  }
  if (target.starts_with('/')) {
    head.path_query = target;
    return std::nullopt;
  }
  const std::size_t scheme = target.find("://");
  if (scheme == target.npos || !(same_name(target.substr(0, scheme), "http") ||
                                 same_name(target.substr(0, scheme), "https")))
    return Refusal{400, "the target is neither a path nor an http URL"};
  target.remove_prefix(scheme + 3);
  const std::size_t end = std::min(target.find_first_of("/?"), target.size());
  head.authority = target.substr(0, end);
  target.remove_prefix(end);
  if (!is_authority(head.authority)) return Refusal{400, "the target's host is malformed"};
  if (target.starts_with('?')) return Refusal{400, "the target has a query but no path"};
  // Without a path it is "/" (RFC 9112 section 3.2.1): one stands in "://".
  head.path_query = target.empty() ? head.target.substr(scheme + 1, 1) : target;
  return std::nullopt;
}

// Peers do not agree whether a tab is white space: nothing of weight may hang on it. `value` is not
// empty and stands in a header's line.
bool beside_tab(std::string_view value) {
  const char* before = value.data() - 1;
  while (*before == ' ') --before;
  const char* after = value.data() + value.size();
  while (*after == ' ') ++after;
  return *before == '\t' || *after == '\t';
}

std::optional<Refusal> take_length(HeadView& head, std::string_view value) {
  if (head.content_length) return Refusal{400, "Content-Length is given twice"};
  if (value.empty() || !std::ranges::all_of(value, is_digit))
    return Refusal{400, "Content-Length is not a number"};
  if (beside_tab(value)) return Refusal{400, "Content-Length has a tab beside it"};
  if (value.size() > kLengthDigits) return Refusal{413, "Content-Length is too large"};
  std::uint64_t length = 0;
  std::from_chars(value.data(), value.data() + value.size(), length);
  head.content_length = length;
  return std::nullopt;
}

struct Seen {
  bool coding = false;
  bool close = false, keep_alive = false, upgrade_named = false, upgrade = false;
  int hosts = 0;
  std::string_view host;
  std::string_view expect;
  bool expects = false;
};

// Headers that mean something to framing and to the connection, in a request or a response.
std::optional<Refusal> take_header(HeadView& head, Seen& seen, const HeaderView& header) {
  const auto is = [&](std::string_view name) { return same_name(header.name, name); };
  switch (header.name.size()) {
    case 4:
      if (is("Host")) {
        ++seen.hosts;
        seen.host = header.value;
      }
      break;
    case 6:
      if (is("Expect")) {
        if (seen.expects) return Refusal{400, "Expect is given twice"};
        seen.expects = true;
        seen.expect = header.value;
      }
      break;
    case 7:
      if (is("Upgrade")) seen.upgrade = true;
      break;
    case 10:
      if (!is("Connection")) break;
      seen.close |= list_has(header.value, "close");
      seen.keep_alive |= list_has(header.value, "keep-alive");
      seen.upgrade_named |= list_has(header.value, "upgrade");
      break;
    case 14:
      if (is("Content-Length")) return take_length(head, header.value);
      break;
    case 17:
      if (!is("Transfer-Encoding")) break;
      if (seen.coding) return Refusal{400, "Transfer-Encoding is given twice"};
      seen.coding = true;
      if (!same_name(header.value, "chunked"))
        return Refusal{501, "the only Transfer-Encoding understood here is chunked"};
      if (beside_tab(header.value)) return Refusal{400, "Transfer-Encoding has a tab beside it"};
      head.chunked = true;
      break;
    default:
      break;
  }
  return std::nullopt;
}

std::optional<Refusal> take_headers(HeadView& head, Seen& seen) {
  for (const HeaderView& header : head.headers) {
    if (const auto refusal = take_header(head, seen, header)) return refusal;
  }
  if (head.chunked && head.version == Version::http10)
    return Refusal{400, "Transfer-Encoding in HTTP/1.0"};
  if (head.chunked && head.content_length)
    return Refusal{400, "both Transfer-Encoding and Content-Length"};
  head.keep_alive = !seen.close && (head.version == Version::http11 || seen.keep_alive);
  head.upgrade = seen.upgrade && seen.upgrade_named && head.version == Version::http11;
  return std::nullopt;
}

}  // namespace

bool is_authority(std::string_view text) {
  if (text.empty() || text.size() > 255 + 6) return false;
  std::string_view host = text;
  if (host.starts_with('[')) {
    const std::size_t close = host.find(']');
    if (close == host.npos) return false;
    const std::string_view inner = host.substr(1, close - 1);
    if (inner.empty() || inner.find_first_not_of("0123456789abcdefABCDEF:.") != inner.npos)
      return false;
    host.remove_prefix(close + 1);
    if (!host.empty() && host.front() != ':') return false;
  } else {
    host = text.substr(0, text.find(':'));
    if (host.empty() || !std::ranges::all_of(host, [](char c) { return in(kRegName, c); }) ||
        host.find("..") != host.npos)
      return false;
    host = text.substr(host.size());
  }
  if (host.empty()) return true;
  host.remove_prefix(1);
  return host.size() <= 5 && std::ranges::all_of(host, is_digit);
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, is_token_char);
}

bool is_token_char(char c) { return in(kToken, c); }
bool is_text_char(char c) { return in(kText, c); }

bool list_has(std::string_view list, std::string_view token) {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    if (same_name(trimmed(list.substr(0, comma)), token)) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

std::optional<Refusal> read_request_line(std::string_view line, HeadView& head) {
  const std::size_t method = line.find(' ');
  const std::size_t target = method == line.npos ? line.npos : line.find(' ', method + 1);
  if (target == line.npos || target == method + 1)
    return Refusal{400, "the request line is not METHOD target VERSION with single spaces"};
  head.method = line.substr(0, method);
  head.target = line.substr(method + 1, target - method - 1);
  if (const auto refusal = version_of(line.substr(target + 1), head.version)) return refusal;
  if (std::ranges::find(kMethods, head.method) == kMethods.end())
    return Refusal{501, "the method is not known here"};
  return check_target(head);
}

std::optional<Refusal> read_status_line(std::string_view line, HeadView& head) {
  constexpr std::size_t kVersion = 8;  // "HTTP/1.1"
  constexpr Refusal kMalformed{502, "the status line is not VERSION CODE reason"};
  if (line.size() < kVersion + 4 || line[kVersion] != ' ') return kMalformed;
  if (const auto refusal = version_of(line.substr(0, kVersion), head.version)) return refusal;
  const std::string_view digits = line.substr(kVersion + 1, 3);
  if (!std::ranges::all_of(digits, is_digit) || digits[0] < '1' || digits[0] > '5')
    return kMalformed;
  std::from_chars(digits.data(), digits.data() + 3, head.status);
  head.reason = line.substr(kVersion + 4);
  if (head.reason.empty()) return std::nullopt;
  if (head.reason.front() != ' ') return kMalformed;
  head.reason.remove_prefix(1);
  if (!std::ranges::all_of(head.reason, is_text_char)) return kMalformed;
  return std::nullopt;
}

std::optional<Refusal> read_fields(std::string_view lines, HeadSpace& space) {
  constexpr Refusal kBad{400, "a header's name or value holds a character that may not be there"};
  std::size_t count = 0;
  while (!lines.empty()) {
    if (lines.front() == ' ' || lines.front() == '\t')
      return Refusal{400, "a header is folded over two lines"};
    if (count == space.headers.size()) return Refusal{431, "too many headers"};
    // Both loops end at the line's end at the latest.
    std::size_t name = 0;
    while (in(kToken, lines[name])) ++name;
    if (name == 0 || lines[name] != ':') return kBad;
    std::size_t end = name + 1;
    while (in(kText, lines[end])) ++end;
    if (lines[end] != '\r' || lines[end + 1] != '\n') return kBad;
    space.headers[count++] = {lines.substr(0, name),
                              trimmed(lines.substr(name + 1, end - name - 1))};
    lines.remove_prefix(end + 2);
  }
  space.head.headers = {space.headers.data(), count};
  return std::nullopt;
}

std::optional<Refusal> check_request_headers(HeadView& head) {
  Seen seen;
  if (const auto refusal = take_headers(head, seen)) return refusal;
  if (seen.hosts > 1) return Refusal{400, "Host is given twice"};
  if (seen.hosts == 0 && head.version == Version::http11) return Refusal{400, "Host is missing"};
  if (seen.hosts == 1 && (!is_authority(seen.host) || beside_tab(seen.host)))
    return Refusal{400, "Host is malformed"};
  if (head.authority.empty())
    head.authority = seen.host;
  else if (seen.hosts == 1 && !same_name(head.authority, seen.host))
    return Refusal{400, "the target's host and Host differ"};
  if (seen.expects && head.version == Version::http11) {
    if (!same_name(seen.expect, "100-continue"))
      return Refusal{417, "the only Expect understood here is 100-continue"};
    head.expect_continue = true;
  }
  return std::nullopt;
}

std::optional<Refusal> check_response_headers(HeadView& head) {
  Seen seen;
  if (const auto refusal = take_headers(head, seen)) return refusal;
  const bool bare = head.status < 200 || head.status == 204;
  if (bare && head.chunked) return Refusal{502, "Transfer-Encoding in an answer without content"};
  if (bare && head.content_length.value_or(0) != 0)
    return Refusal{502, "Content-Length in an answer without content"};
  return std::nullopt;
}

}  // namespace nuri::http

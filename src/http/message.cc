#include "http/message.h"

#include <algorithm>
#include <array>

#include "base/encoding.h"

namespace nuri::http {
namespace {

struct Phrase {
  int status;
  std::string_view text;
};
// RFC 9110 section 15.
constexpr std::array kPhrases{
    Phrase{100, "Continue"},
    Phrase{101, "Switching Protocols"},
    Phrase{200, "OK"},
    Phrase{201, "Created"},
    Phrase{202, "Accepted"},
    Phrase{204, "No Content"},
    Phrase{206, "Partial Content"},
    Phrase{301, "Moved Permanently"},
    Phrase{302, "Found"},
    Phrase{303, "See Other"},
    Phrase{304, "Not Modified"},
    Phrase{307, "Temporary Redirect"},
    Phrase{308, "Permanent Redirect"},
    Phrase{400, "Bad Request"},
    Phrase{401, "Unauthorized"},
    Phrase{403, "Forbidden"},
    Phrase{404, "Not Found"},
    Phrase{405, "Method Not Allowed"},
    Phrase{406, "Not Acceptable"},
    Phrase{408, "Request Timeout"},
    Phrase{409, "Conflict"},
    Phrase{410, "Gone"},
    Phrase{411, "Length Required"},
    Phrase{412, "Precondition Failed"},
    Phrase{413, "Content Too Large"},
    Phrase{414, "URI Too Long"},
    Phrase{415, "Unsupported Media Type"},
    Phrase{416, "Range Not Satisfiable"},
    Phrase{417, "Expectation Failed"},
    Phrase{421, "Misdirected Request"},
    Phrase{422, "Unprocessable Content"},
    Phrase{429, "Too Many Requests"},
    Phrase{431, "Request Header Fields Too Large"},
    Phrase{500, "Internal Server Error"},
    Phrase{501, "Not Implemented"},
    Phrase{502, "Bad Gateway"},
    Phrase{503, "Service Unavailable"},
    Phrase{504, "Gateway Timeout"},
    Phrase{505, "HTTP Version Not Supported"},
    Phrase{507, "Insufficient Storage"},
};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

}  // namespace

bool detail::same_letters(std::string_view a, std::string_view b) {
  // As a rule both are spelled as the standards do.
  return a == b || std::equal(a.begin(), a.end(), b.begin(),
                              [](char x, char y) { return x == y || lower(x) == lower(y); });
}

std::optional<std::string_view> Headers::get(std::string_view name) const {
  for (const Header& header : all_)
    if (same_name(header.name, name)) {
      const std::string_view value = header.value;
      const std::size_t begin = value.find_first_not_of(" \t");
      if (begin == value.npos) return std::string_view();
      return value.substr(begin, value.find_last_not_of(" \t") - begin + 1);
    }
  return std::nullopt;
}

std::size_t Headers::count(std::string_view name) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(all_, [&](const Header& h) { return same_name(h.name, name); }));
}

void Headers::set(std::string_view name, std::string value) {
  const auto first = std::ranges::find_if(
      all_, [&](const Header& header) { return same_name(header.name, name); });
  if (first == all_.end()) {
    add(std::string(name), std::move(value));
    return;
  }
  first->value = std::move(value);
  all_.erase(std::remove_if(std::next(first), all_.end(),
                            [&](const Header& header) { return same_name(header.name, name); }),
             all_.end());
}

void Headers::remove(std::string_view name) {
  std::erase_if(all_, [&](const Header& header) { return same_name(header.name, name); });
}

Task<IoResult<std::string>> read_all(Body& body, std::size_t limit_bytes) {
  std::string out;
  if (const auto length = body.length()) {
    if (*length > limit_bytes) co_return std::unexpected(IoError::too_large);
    out.reserve(static_cast<std::size_t>(*length));
  }
  for (;;) {
    auto chunk = co_await body.read();
    if (!chunk) co_return std::unexpected(chunk.error());
    if (chunk->empty()) co_return std::move(out);
    if (chunk->size() > limit_bytes - out.size()) co_return std::unexpected(IoError::too_large);
    out += chunk->view();
  }
}

std::optional<std::string> Request::parameter(std::string_view name) const {
  std::string_view rest = query;
  while (!rest.empty()) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
    const std::size_t equals = std::min(pair.find('='), pair.size());
    const auto key = decode_form(pair.substr(0, equals));
    if (key == name) return decode_form(pair.substr(std::min(equals + 1, pair.size())));
  }
  return std::nullopt;
}

std::string_view reason(int status) {
  const auto* found = std::ranges::find(kPhrases, status, &Phrase::status);
  if (found != kPhrases.end()) return found->text;
  constexpr std::array<std::string_view, 5> kClasses{"Informational", "Success", "Redirection",
                                                     "Client Error", "Server Error"};
  return kClasses[static_cast<std::size_t>(std::clamp(status / 100, 1, 5) - 1)];
}

}  // namespace nuri::http

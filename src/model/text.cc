#include "model/text.h"

#include <algorithm>
#include <cstdint>

namespace nuri::model {
namespace {

// The code point at the front of `text` and its length; length 0 when it is not valid UTF-8.
struct CodePoint {
  std::uint32_t value = 0;
  std::size_t length = 0;
};

CodePoint decode(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return {first, 1};
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return {};
  std::uint32_t value = first & (0x7fu >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    value = value << 6 | (byte(i) & 0x3fu);
  }
  const bool overlong = (length == 3 && value < 0x800) || (length == 4 && value < 0x10000);
  const bool surrogate = value >= 0xd800 && value < 0xe000;
  if (overlong || surrogate || value > 0x10ffff) return {};
  return {value, length};
}

bool is_control(std::uint32_t c) { return c < 0x20 || (c >= 0x7f && c < 0xa0); }
bool is_hex(char c) { return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'f'); }

}  // namespace

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) { return lower(c); });
  return out;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const CodePoint point = decode(text);
    if (point.length == 0 || point.value == 0) return false;
    text.remove_prefix(point.length);
  }
  return true;
}

bool is_plain_utf8(std::string_view text, Newlines newlines) {
  while (!text.empty()) {
    const CodePoint point = decode(text);
    if (point.length == 0) return false;
    const bool layout = point.value == '\n' || point.value == '\t' || point.value == '\r';
    if (is_control(point.value) && !(layout && newlines == Newlines::allowed)) return false;
    text.remove_prefix(point.length);
  }
  return true;
}

bool is_url_path(std::string_view text) {
  if (text.empty() || text.front() != '/') return false;
  constexpr std::string_view kOther = "-._~!$&'()*+,;=:@/";
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      if (i + 2 >= text.size() || !is_hex(text[i + 1]) || !is_hex(text[i + 2])) return false;
      i += 2;
    } else if (!is_alnum(text[i]) && kOther.find(text[i]) == std::string_view::npos) {
      return false;
    }
  }
  return true;
}

bool is_host_label(std::string_view text) {
  return !text.empty() && text.size() <= 63 && text.front() != '-' && text.back() != '-' &&
         std::ranges::all_of(
             text, [](char c) { return is_digit(c) || is_lower(c) || c == '-' || c == '_'; });
}

std::string printable(std::string_view text) {
  constexpr std::size_t kShown = 80;
  std::string out;
  while (!text.empty() && out.size() < kShown) {
    const CodePoint point = decode(text);
    const std::size_t length = std::max<std::size_t>(point.length, 1);
    if (point.length == 0 || is_control(point.value))
      out += '?';
    else
      out += text.substr(0, length);
    text.remove_prefix(length);
  }
  if (!text.empty()) out += "…";
  return out;
}

}  // namespace nuri::model

#pragma once

// Kinds of characters that names and paths are checked for, ASCII only and without locale.

#include <string>
#include <string_view>

namespace nuri::model {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
constexpr bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
constexpr bool is_alnum(char c) { return is_digit(c) || is_lower(c) || is_upper(c); }
constexpr bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
constexpr char lower(char c) { return is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c; }
std::string lower(std::string_view text);

// Valid UTF-8 (RFC 3629) without NUL.
bool is_utf8(std::string_view text);

enum class Newlines { allowed, forbidden };  // and tabs
// is_utf8, and without C0, C1 or DEL control characters.
bool is_plain_utf8(std::string_view text, Newlines newlines);

// '/' and then what RFC 3986 allows in a path, well-formed escapes included; no query, no fragment.
bool is_url_path(std::string_view text);
// RFC 1123 label: [a-z0-9-], 1 … 63 characters, no '-' at its ends; '_' too, as Cloud Foundry
// allows.
bool is_host_label(std::string_view text);

// For messages: shortened, with '?' for what cannot be shown.
std::string printable(std::string_view text);

}  // namespace nuri::model

#pragma once

// Text forms of bytes: hex, base64 (RFC 4648 section 4), base64url without padding (section 5),
// percent-encoding (RFC 3986 section 2.1).

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace nuri {

std::string hex(std::string_view bytes);
// The same to where there is room for two digits a byte.
void hex_digits(std::span<const unsigned char> bytes, char* to);
std::string base64(std::string_view bytes);
std::string base64url(std::string_view bytes);
// Nullopt for what is not valid base64. Padding may be missing; bits that no byte takes are zero,
// so that a value has one text (RFC 4648 section 3.5).
std::optional<std::string> decode_base64(std::string_view text);
std::optional<std::string> decode_base64url(std::string_view text);

// Everything but unreserved characters becomes %XX.
std::string percent_encode(std::string_view text);
// Nullopt on a broken escape. '+' stays '+' (decode_form turns it into a space).
std::optional<std::string> percent_decode(std::string_view text);
std::optional<std::string> decode_form(std::string_view text);

}  // namespace nuri

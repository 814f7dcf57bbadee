#pragma once

// What a head must keep to: its syntax, lengths, codings, Host, targets (RFC 9110, 9112).

#include <optional>
#include <string_view>

#include "http/parser.h"

namespace nuri::http {

// "METHOD SP target SP HTTP/1.x" into `head`; the line is without its end.
std::optional<Refusal> read_request_line(std::string_view line, HeadView& head);
// "HTTP/1.x SP 3DIGIT [SP reason]".
std::optional<Refusal> read_status_line(std::string_view line, HeadView& head);
// "name:OWS value OWS CR LF", any number of them, into `space` and its head; each line feed is
// behind a carriage return.
std::optional<Refusal> read_fields(std::string_view lines, HeadSpace& space);
// Fills in what the headers mean.
std::optional<Refusal> check_request_headers(HeadView& head);
std::optional<Refusal> check_response_headers(HeadView& head);

// uri-host [":" port], RFC 3986 section 3.2.2, loosely: what matters is that nothing in it can be
// taken for another part of a URI, or for a second host.
bool is_authority(std::string_view text);
// Whether the comma-separated `list` holds `token`, without case (RFC 9110 section 5.6.1).
bool list_has(std::string_view list, std::string_view token);
// A field name, method or other token (RFC 9110 section 5.6.2), and one character of such.
bool is_token(std::string_view text);
bool is_token_char(char c);
// What a field's value may hold (section 5.5): all but controls, of which a tab is none.
bool is_text_char(char c);
// Without spaces and tabs around it.
std::string_view trimmed(std::string_view text);

}  // namespace nuri::http

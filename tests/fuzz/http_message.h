#pragma once

// What both HTTP fuzzers assert: however a message is cut, the outcome is the same; and the fields
// of its head and the content taken out of its framing are what llhttp, in its strict mode, reads.

#include <cstdint>
#include <string>
#include <string_view>

#include "http/parser.h"

namespace nuri::fuzz {

// Everything observable of parsing the messages in `bytes` one after the other, as text. Each call
// of a parser sees at most `piece` bytes more, in a buffer of their own.
std::string transcript(http::HeadParser::Kind kind, std::string_view bytes, std::size_t piece);

// Aborts if a message that is accepted here is refused, or read or framed otherwise, by llhttp.
void compare_with_llhttp(http::HeadParser::Kind kind, std::string_view bytes);

// Both, for one input: its first byte chooses how it is cut.
void check(http::HeadParser::Kind kind, std::string_view input);

}  // namespace nuri::fuzz

#include "http/body_parser.h"

#include <algorithm>

#include "base/assert.h"
#include "http/head_rules.h"
#include "http/head_text.h"
#include "http/message.h"

namespace nuri::http {
namespace {

constexpr std::uint8_t kSizeDigits = 15;  // always fits a signed 64-bit number

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

constexpr Refusal kBadSize{400, "a chunk's size is malformed"};
constexpr Refusal kBadExtension{400, "a chunk's extension is malformed"};
constexpr Refusal kBadEnd{400, "a chunk is not as long as it says"};
constexpr Refusal kBadTrailer{400, "a trailer field is malformed"};
constexpr Refusal kReservedTrailer{400, "a trailer field may only stand in a head"};

// Peers that take trailer fields for headers would see another message.
bool is_reserved(std::string_view name) {
  return is_connection_header(name) || same_name(name, "host");
}

}  // namespace

BodyParser::BodyParser(Framing framing) : kind_(framing.kind), state_(State::done) {
  switch (kind_) {
    case Framing::Kind::none:
      break;
    case Framing::Kind::length:
      left_ = framing.length;
      if (left_ > 0) state_ = State::content;
      break;
    case Framing::Kind::chunked:
      state_ = State::size_first;
      break;
    case Framing::Kind::until_close:
      state_ = State::content;
      break;
  }
}

std::optional<Refusal> BodyParser::take_size(char byte) {
  const int digit = hex_value(byte);
  if (digit >= 0) {
    if (++digits_ > kSizeDigits) return Refusal{413, "a chunk's size is too large"};
    left_ = left_ << 4 | static_cast<std::uint64_t>(digit);
    state_ = State::size;
    return std::nullopt;
  }
  if (state_ == State::size_first) return kBadSize;
  if (byte == ';')
    state_ = State::extension_name_first;
  else if (byte == '\r')
    state_ = State::size_feed;
  else
    return kBadSize;
  return std::nullopt;
}

std::optional<Refusal> BodyParser::after_extension(char byte) {
  if (byte == ';')
    state_ = State::extension_name_first;
  else if (byte == '\r')
    state_ = State::size_feed;
  else
    return kBadExtension;
  return std::nullopt;
}

std::optional<Refusal> BodyParser::take_extension(char byte) {
  if (++extension_bytes_ > limits::kChunkExtensionBytes)
    return Refusal{413, "the chunks' extensions are too large"};
  switch (state_) {
    case State::extension_name_first:
      if (!is_token_char(byte)) return kBadExtension;
      state_ = State::extension_name;
      return std::nullopt;
    case State::extension_name:
      if (is_token_char(byte)) return std::nullopt;
      if (byte != '=') return after_extension(byte);
      state_ = State::extension_value_first;
      return std::nullopt;
    case State::extension_value_first:
      if (byte == '"')
        state_ = State::extension_quoted;
      else if (is_token_char(byte))
        state_ = State::extension_value;
      else
        return kBadExtension;
      return std::nullopt;
    case State::extension_value:
      return is_token_char(byte) ? std::nullopt : after_extension(byte);
    case State::extension_quoted:
      if (!is_text_char(byte)) return kBadExtension;
      if (byte == '"') state_ = State::extension_after_quote;
      // Escapes are legal, but parsers disagree on them and nobody sends them.
      if (byte == '\\') return kBadExtension;
      return std::nullopt;
    default:
      return after_extension(byte);
  }
}

std::optional<Refusal> BodyParser::take_trailer_name(char byte) {
  if (is_token_char(byte)) {
    if (name_bytes_ < kReservedName) name_[name_bytes_] = byte;
    if (name_bytes_ <= kReservedName) ++name_bytes_;
    state_ = State::field_name;
    return std::nullopt;
  }
  if (byte != ':' || state_ == State::line_start) return kBadTrailer;
  if (name_bytes_ <= kReservedName && is_reserved({name_.data(), name_bytes_}))
    return kReservedTrailer;
  state_ = State::field_value;
  return std::nullopt;
}

std::optional<Refusal> BodyParser::take_trailer(char byte) {
  if (++trailer_bytes_ > limits::kTrailerBytes) return Refusal{431, "the trailer is too large"};
  if (trailer_) *trailer_ += byte;
  switch (state_) {
    case State::line_start:
      if (byte == '\r') {
        state_ = State::last_feed;
        return std::nullopt;
      }
      name_bytes_ = 0;
      return take_trailer_name(byte);
    case State::field_name:
      return take_trailer_name(byte);
    case State::field_value:
      if (byte == '\r')
        state_ = State::field_feed;
      else if (!is_text_char(byte))
        return kBadTrailer;
      return std::nullopt;
    default:
      if (byte != '\n') return kBadTrailer;
      state_ = state_ == State::last_feed ? State::done : State::line_start;
      return std::nullopt;
  }
}

std::optional<Refusal> BodyParser::take(char byte) {
  switch (state_) {
    case State::size_first:
    case State::size:
      return take_size(byte);
    case State::size_feed:
      if (byte != '\n') return kBadSize;
      state_ = left_ == 0 ? State::line_start : State::data;
      return std::nullopt;
    case State::data_return:
      if (byte != '\r') return kBadEnd;
      state_ = State::data_feed;
      return std::nullopt;
    case State::data_feed:
      if (byte != '\n') return kBadEnd;
      state_ = State::size_first;
      digits_ = 0;
      return std::nullopt;
    case State::line_start:
    case State::field_name:
    case State::field_value:
    case State::field_feed:
    case State::last_feed:
      return take_trailer(byte);
    case State::content:
    case State::data:
    case State::done:
      break;
    default:
      return take_extension(byte);
  }
  NURI_ASSERT(false);
}

std::expected<BodyParser::Step, Refusal> BodyParser::parse(std::string_view bytes) {
  Step step;
  while (step.consumed < bytes.size() && !done()) {
    const std::string_view rest = bytes.substr(step.consumed);
    if (kind_ == Framing::Kind::until_close) {
      step.data = rest;
      step.consumed += rest.size();
      return step;
    }
    if (state_ == State::content || state_ == State::data) {
      step.data = rest.substr(0, std::min<std::uint64_t>(left_, rest.size()));
      step.consumed += step.data.size();
      left_ -= step.data.size();
      if (left_ == 0) state_ = state_ == State::data ? State::data_return : State::done;
      return step;
    }
    if (const auto refusal = take(rest.front())) return std::unexpected(*refusal);
    ++step.consumed;
  }
  return step;
}

}  // namespace nuri::http

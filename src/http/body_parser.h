#pragma once

// The content of an HTTP/1.x message, taken out of its framing in place (RFC 9112 sections 6, 7).
// Chunk extensions are checked and dropped, trailer fields too unless they are asked for.

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "http/parser.h"

namespace nuri::http {

class BodyParser {
 public:
  explicit BodyParser(Framing framing);

  struct Step {
    std::string_view data;     // content, within the bytes given; empty: only framing was consumed
    std::size_t consumed = 0;  // of the bytes given, `data` with what stood before it
  };
  // Takes framing and then content from the front of `bytes`. Call it again with the rest until
  // done(), or until it consumed all. It consumes nothing that follows the body.
  std::expected<Step, Refusal> parse(std::string_view bytes);

  // Appends the trailer's lines as they come, each with its end; checked: none says anything of
  // framing, connection or host (RFC 9110 section 6.5.1). `into` outlives this.
  void keep_trailer(std::string& into) { trailer_ = &into; }

  bool done() const { return state_ == State::done; }
  // Whether the peer may close the connection here without having cut the content short.
  bool may_end() const { return done() || kind_ == Framing::Kind::until_close; }
  // What is still to come of a body whose length is known.
  std::optional<std::uint64_t> left() const {
    if (kind_ == Framing::Kind::chunked || kind_ == Framing::Kind::until_close) return std::nullopt;
    return left_;
  }

 private:
  enum class State : std::uint8_t {
    content,  // length, until_close
    size_first,
    size,
    extension_name_first,
    extension_name,
    extension_value_first,
    extension_value,
    extension_quoted,
    extension_after_quote,
    size_feed,
    data,
    data_return,
    data_feed,
    line_start,  // of a trailer field, or the empty line
    field_name,
    field_value,
    field_feed,
    last_feed,
    done,
  };
  // The state after one byte of framing.
  std::optional<Refusal> take(char byte);
  std::optional<Refusal> take_size(char byte);
  std::optional<Refusal> take_extension(char byte);
  std::optional<Refusal> take_trailer(char byte);
  std::optional<Refusal> take_trailer_name(char byte);
  std::optional<Refusal> after_extension(char byte);

  Framing::Kind kind_;
  State state_;
  static constexpr std::size_t kReservedName = 17;  // Transfer-Encoding, the longest one

  std::uint8_t digits_ = 0;
  std::uint8_t name_bytes_ = 0;  // of the trailer field's name; longer than kReservedName: any
  std::array<char, kReservedName> name_{};
  std::uint32_t extension_bytes_ = 0;  // of all chunks
  std::uint32_t trailer_bytes_ = 0;
  std::string* trailer_ = nullptr;
  std::uint64_t left_ = 0;  // of the content, or of the chunk
};

}  // namespace nuri::http

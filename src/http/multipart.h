#pragma once

// Content of type multipart/form-data (RFC 7578, RFC 2046 section 5.1), read part by part as it
// arrives: of an upload of any size no more than a few KiB are in memory.

#include <optional>
#include <string>
#include <string_view>

#include "http/message.h"

namespace nuri::http {

class MultipartReader {
 public:
  // The boundary in a Content-Type; nullopt if it is not multipart/form-data with a valid one.
  static std::optional<std::string> boundary_of(std::string_view content_type);

  // `body` outlives the reader.
  MultipartReader(Body& body, std::string_view boundary);

  struct Part {
    Headers headers;
    std::string name;
    std::optional<std::string> filename;
    Body* body = nullptr;  // the reader's own; good until the next call of next()
  };
  // The next part, after reading away what is left of the one before; nullopt after the last.
  // IoError::malformed, ::too_large (limits::kPartHeadBytes, kParts), ::end if the content stops
  // short, and those of the body.
  Task<IoResult<std::optional<Part>>> next();

 private:
  class Content final : public Body {
   public:
    explicit Content(MultipartReader& reader) : reader_(reader) {}
    Task<IoResult<async::Chunk>> read() override { return reader_.read_content(); }
    std::optional<std::uint64_t> length() const override { return std::nullopt; }

   private:
    MultipartReader& reader_;
  };
  enum class State { content, delimiter, finished };

  // More bytes into buffer_; IoError::end if there are none.
  Task<IoResult<void>> fill();
  // Waits until `n` bytes are in buffer_.
  Task<IoResult<void>> need(std::size_t n);
  Task<IoResult<async::Chunk>> read_content();
  // From the delimiter at the front of buffer_ to the head's end. False: that was the last one.
  Task<IoResult<bool>> pass_delimiter();
  Task<IoResult<std::optional<Part>>> read_head();

  Body& body_;
  const std::string delimiter_;  // CRLF, two hyphens, boundary
  std::string buffer_;           // received; what it begins with depends on state_
  State state_ = State::content;
  std::size_t parts_ = 0;
  std::size_t preamble_ = 0;  // bytes before the first part
  Content content_{*this};
};

// The value of a parameter of a header such as Content-Type or Content-Disposition, unquoted;
// nullopt if there is none (RFC 9110 section 5.6.6).
std::optional<std::string> header_parameter(std::string_view header, std::string_view name);

}  // namespace nuri::http

#pragma once

// The head of an HTTP/1.x message, parsed in place (RFC 9112): every view points into the caller's
// bytes, nothing is allocated. Stricter than the RFC demands wherever leniency has been used to
// smuggle requests past proxies; each refusal says why.

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string_view>

#include "base/limits.h"

namespace nuri::http {

// Why a message is not accepted. `status` is what a server answers; `reason` lives for ever.
struct Refusal {
  int status = 400;
  std::string_view reason;
};

enum class Version : std::uint8_t { http10, http11 };

struct HeaderView {
  std::string_view name;
  std::string_view value;  // without the white space around it
};

struct HeadView {
  std::string_view method;      // requests
  std::string_view target;      // requests: as sent
  std::string_view authority;   // requests: host[:port] of Host or of an absolute target; may be ""
  std::string_view path_query;  // requests: the target in origin form, or "*"
  int status = 0;               // responses
  std::string_view reason;      // responses
  Version version = Version::http11;
  std::span<const HeaderView> headers;
  std::optional<std::uint64_t> content_length;
  bool chunked = false;
  bool keep_alive = false;  // the sender wants the connection kept (RFC 9112 section 9.3)
  bool upgrade = false;     // Upgrade, and named by Connection
  bool expect_continue = false;
  std::size_t bytes = 0;  // of the head, with its empty line and what was skipped before it

  // The first value of that name; nullopt if there is none.
  std::optional<std::string_view> find(std::string_view name) const;
};

// Where a parse puts the head: 4 KiB, so not in every connection. A parse uses it until its
// HeadView is done with; one per loop will do where no task waits in between.
struct HeadSpace {
  HeadView head;
  std::array<HeaderView, limits::kHeaderCount> headers;
};

// Incremental: call parse() with all bytes of the message so far each time more came. It looks for
// the head's end in what is new; the complete head is read once. However the bytes were split, the
// outcome is the same.
class HeadParser {
 public:
  enum class Kind : std::uint8_t { request, response };
  explicit HeadParser(Kind kind) : kind_(kind) {}

  // The head, in `space`; null if more bytes are needed; or a Refusal, after which only reset()
  // helps. `bytes` starts at the first byte of the message and holds all that came, perhaps more.
  std::expected<const HeadView*, Refusal> parse(std::string_view bytes, HeadSpace& space);
  // For the next message.
  void reset() { *this = HeadParser(kind_); }

 private:
  std::optional<Refusal> scan(std::string_view bytes);
  std::optional<Refusal> read(std::string_view bytes, HeadSpace& space) const;

  Kind kind_;
  bool complete_ = false;
  std::uint32_t skipped_ = 0;     // an empty line before a request (RFC 9112 section 2.2)
  std::uint32_t line_ = 0;        // where the line begins that is being scanned
  std::uint32_t seen_ = 0;        // no line feed between line_ and here
  std::uint32_t first_line_ = 0;  // where the start line ends; 0: not complete
};

// How the content of a message is framed (RFC 9112 section 6.3).
struct Framing {
  enum class Kind : std::uint8_t { none, length, chunked, until_close };
  Kind kind = Kind::none;
  std::uint64_t length = 0;
};
Framing framing_of_request(const HeadView& head);
// `method`: of the request that is answered.
Framing framing_of_response(const HeadView& head, std::string_view method);

}  // namespace nuri::http

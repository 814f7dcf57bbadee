#pragma once

// HTTP messages as values (RFC 9110). Names of headers compare without case (section 5.1).

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "async/chunk.h"
#include "async/io_error.h"
#include "async/task.h"
#include "net/address.h"

namespace nuri::http {

struct Header {
  std::string name;
  std::string value;
};

class Headers {
 public:
  Headers() = default;
  Headers(std::initializer_list<Header> headers) : all_(headers) {}

  // The first value, trimmed; nullopt if there is none.
  std::optional<std::string_view> get(std::string_view name) const;
  bool has(std::string_view name) const { return get(name).has_value(); }
  std::size_t count(std::string_view name) const;
  void add(std::string name, std::string value) {
    all_.push_back({std::move(name), std::move(value)});
  }
  // Replaces every one of that name.
  void set(std::string_view name, std::string value);
  void remove(std::string_view name);
  auto begin() const { return all_.begin(); }
  auto end() const { return all_.end(); }
  std::size_t size() const { return all_.size(); }

 private:
  std::vector<Header> all_;
};

namespace detail {
bool same_letters(std::string_view a, std::string_view b);  // of one length
}
// Most names differ in their length or first letter: that is seen without a call.
inline bool same_name(std::string_view a, std::string_view b) {
  return a.size() == b.size() && (a.empty() || ((a[0] ^ b[0]) & ~0x20) == 0) &&
         detail::same_letters(a, b);
}

// The content of a message as it arrives.
class Body {
 public:
  virtual ~Body() = default;
  // The next bytes; an empty chunk is the end. IoError::end: the peer left before its announced
  // end.
  virtual Task<IoResult<async::Chunk>> read() = 0;
  // What Content-Length announced; nullopt for chunked.
  virtual std::optional<std::uint64_t> length() const = 0;
};

// All of a body; IoError::too_large beyond `limit_bytes`.
Task<IoResult<std::string>> read_all(Body& body, std::size_t limit_bytes);

struct Request {
  std::string method;
  std::string target;  // as sent: origin form, "/a%20b?c=d"
  std::string path;    // the target without query, still percent-encoded
  std::string query;   // without the '?'
  Headers headers;
  net::Address peer;
  Body* body = nullptr;  // never null in Service::serve

  // The decoded value of a query parameter; nullopt if absent or badly encoded.
  std::optional<std::string> parameter(std::string_view name) const;
};

// "Not Found" for 404.
std::string_view reason(int status);

}  // namespace nuri::http

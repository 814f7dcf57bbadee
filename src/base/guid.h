#pragma once

// Guids: RFC 9562 version 4, lower case, 36 characters. One type per noun, so that an app's guid
// cannot stand where a route's is wanted.

#include <compare>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "base/random.h"

namespace nuri {

std::string make_guid_text(Random& random);
// 36 characters of the form 8-4-4-4-12 lower-case hex.
bool is_guid(std::string_view text);

template <class Noun>
class Guid {
 public:
  Guid() = default;  // empty: "none"
  explicit Guid(std::string text) : text_(std::move(text)) {}
  static Guid make(Random& random) { return Guid(make_guid_text(random)); }

  const std::string& str() const { return text_; }
  bool empty() const { return text_.empty(); }
  explicit operator bool() const { return !text_.empty(); }
  friend auto operator<=>(const Guid&, const Guid&) = default;
  friend bool operator==(const Guid&, const Guid&) = default;

 private:
  std::string text_;
};

}  // namespace nuri

template <class Noun>
struct std::hash<nuri::Guid<Noun>> {
  std::size_t operator()(const nuri::Guid<Noun>& guid) const noexcept {
    return std::hash<std::string>{}(guid.str());
  }
};

#pragma once

// An http or https URL taken apart (RFC 3986, RFC 9110 section 4.2).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace nuri::http {

struct Url {
  bool tls = false;
  std::string host;        // without brackets
  std::uint16_t port = 0;  // 80 or 443 where the URL has none
  std::string authority;   // for Host: with the port if it was written
  std::string target;      // path and query, at least "/"

  // Nullopt for another scheme, user information, a fragment, or characters that must be encoded.
  static std::optional<Url> parse(std::string_view text);
  // What connections may be shared by.
  std::string origin() const;
};

}  // namespace nuri::http

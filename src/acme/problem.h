#pragma once

// Problem: why a certificate authority refused (RFC 8555 section 6.7, RFC 7807), and what its user
// can do about it.

#include <string>
#include <string_view>

#include "base/error.h"
#include "base/json.h"

namespace nuri::acme {

struct Problem {
  std::string kind;    // "dns", "rateLimited": the type without its urn; empty if it has none
  std::string detail;  // the authority's words, those on single names after it
  int status = 0;

  // From a problem document, or from anything else that came with an error status.
  static Problem parse(std::string_view body, int http_status);
  static Problem of(const json::object& document, int http_status);

  // "DOING: the certificate authority says: DETAIL (KIND). ADVICE". too_many for rate limits,
  // unavailable for the authority's own failures, else unprocessable.
  Error error(std::string_view doing) const;
};

}  // namespace nuri::acme

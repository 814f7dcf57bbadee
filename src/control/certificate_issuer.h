#pragma once

// Where the CertificateKeeper's certificates come from.

#include <string>
#include <vector>

#include "async/task.h"
#include "base/clock.h"
#include "net/certificate.h"

namespace nuri::control {

struct Issued {
  net::PemPair pem = {};     // empty: none came
  std::string error = {};    // then: what was tried, what to do
  Duration asked_to_wait{};  // the authority's word on the next attempt; zero: none
};

class CertificateIssuer {
 public:
  virtual ~CertificateIssuer() = default;
  // A certificate for all of `names`. Several may be under way at once. Throws nothing: what goes
  // wrong is a result.
  virtual Task<Issued> issue(std::vector<std::string> names) = 0;
};

}  // namespace nuri::control

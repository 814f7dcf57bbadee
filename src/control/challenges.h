#pragma once

// Challenges: what the router answers to an authority that asks whether a name leads here
// (RFC 8555 section 8.3). The loop's thread.

#include <string>

#include "acme/challenge.h"
#include "control/routes.h"

namespace nuri::control {

class Challenges final : public acme::ChallengeResponder {
 public:
  // `routes` outlives it.
  explicit Challenges(Routes& routes) : routes_(routes) {}

  // From when it returns the router answers GET /.well-known/acme-challenge/TOKEN with
  // `authorization` under every host, until clear(). Throws Error{unavailable} if the router cannot
  // be reached in time, or has limits::kAcmeChallenges already: then it is as if never said.
  Task<void> set(std::string token, std::string authorization) override;
  // Returns when it does so no longer; nothing if it did not. Throws Error{unavailable} if the
  // router cannot be reached in time: it then hears of it later.
  Task<void> clear(std::string token) override;

 private:
  Routes& routes_;
};

}  // namespace nuri::control

#pragma once

// The router as what meets an authority's challenges.

#include <string>
#include <utility>

#include "acme/challenge.h"
#include "control/challenges.h"

namespace nuri::control {

class RouterResponder final : public acme::ChallengeResponder {
 public:
  // It outlives this.
  explicit RouterResponder(Challenges& challenges) : challenges_(challenges) {}
  Task<void> set(std::string token, std::string authorization) override {
    return challenges_.set(std::move(token), std::move(authorization));
  }
  Task<void> clear(std::string token) override { return challenges_.clear(std::move(token)); }

 private:
  Challenges& challenges_;
};

}  // namespace nuri::control

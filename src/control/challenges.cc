#include "control/challenges.h"

#include <fmt/format.h>

#include <utility>

#include "base/error.h"
#include "base/limits.h"

namespace nuri::control {
namespace {

constexpr Duration kTold = 10s;

}  // namespace

Task<void> Challenges::set(std::string token, std::string authorization) {
  if (!routes_.set_challenge(token, std::move(authorization)))
    throw Error(Code::unavailable,
                fmt::format("{} challenges of authorities are open already: try again later",
                            limits::kAcmeChallenges));
  if (co_await routes_.sync(kTold)) co_return;
  routes_.clear_challenge(token);
  throw Error(Code::unavailable,
              "the router cannot be reached, which is to answer the authority's challenge: try "
              "again later");
}

Task<void> Challenges::clear(std::string token) {
  if (!routes_.clear_challenge(token) || co_await routes_.sync(kTold)) co_return;
  throw Error(Code::unavailable,
              "the router cannot be reached; it goes on answering a challenge that is over until "
              "it can");
}

}  // namespace nuri::control

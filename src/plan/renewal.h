#pragma once

// When to ask for a certificate: pure. A certificate is renewed when two thirds of its life are
// over; after failures the waits grow, whatever the certificate's state, so that an authority is
// never hammered and its limits not used up by a name that cannot work.

#include <optional>

#include "base/clock.h"

namespace nuri::plan {

struct RenewalView {
  // The certificate that is there.
  struct Dates {
    WallTime not_before, not_after;
  };
  std::optional<Dates> current = {};
  int failures = 0;  // in a row, since the last success
  WallTime last_failure = {};
  std::optional<WallTime> not_earlier = {};  // the authority's word (Retry-After)
};

// After the n-th failure in a row: limits::kAcmeFirstRetry, doubling to kAcmeLastRetry.
Duration retry_wait(int failures);

// The time of the next attempt; it may be in the past: now.
WallTime next_attempt(const RenewalView& view);

}  // namespace nuri::plan

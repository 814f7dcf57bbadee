#pragma once

// From probes to a verdict. Pure.

#include <string>
#include <vector>

#include "plan/reconcile.h"

namespace nuri::plan {

// Failed probes in a row that make a healthy instance unhealthy.
inline constexpr int kFailuresToUnhealthy = 3;

struct HealthHistory {
  Verdict verdict;
  int failures = 0;  // in a row
};

// After a probe that found the instance healthy or not. Before it was ever healthy an instance is
// not unhealthy but unknown: its start-up limit decides.
HealthHistory after_probe(HealthHistory history, bool healthy, std::string detail,
                          std::vector<int> ports);

// How long to wait before the next probe: short and growing while starting, `interval` afterwards.
Duration next_probe(const HealthHistory& history, Duration interval);

}  // namespace nuri::plan

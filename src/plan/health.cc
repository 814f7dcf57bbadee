#include "plan/health.h"

#include <algorithm>

namespace nuri::plan {
namespace {

constexpr Duration kFirstProbe = 4ms;
constexpr Duration kSlowestStartProbe = 500ms;

}  // namespace

HealthHistory after_probe(HealthHistory history, bool healthy, std::string detail,
                          std::vector<int> ports) {
  using Health = Verdict::Health;
  history.verdict.ports = std::move(ports);
  history.verdict.detail = std::move(detail);
  if (healthy) {
    history.failures = 0;
    history.verdict.health = Health::healthy;
    return history;
  }
  ++history.failures;
  if (history.verdict.health == Health::healthy && history.failures >= kFailuresToUnhealthy)
    history.verdict.health = Health::unhealthy;
  return history;
}

Duration next_probe(const HealthHistory& history, Duration interval) {
  using Health = Verdict::Health;
  if (history.verdict.health == Health::healthy)
    return history.failures == 0 ? interval : std::min<Duration>(interval, 1s);
  // Adds at most a tenth to what the start takes.
  Duration starting = kFirstProbe;
  for (int i = 1; i < history.failures && starting < kSlowestStartProbe; ++i)
    starting += starting / 10;
  return std::min({starting, kSlowestStartProbe, interval});
}

}  // namespace nuri::plan

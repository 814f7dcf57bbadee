#pragma once

// What a route and an instance have done, counted in fixed memory. Of one worker: on its loop, or a
// copy of that; those of all workers add up.

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"

namespace nuri::router {

// Requests by how long they took, from the end of the head to the end of the answer.
struct Latencies {
  static constexpr std::array<Duration, 13> kBounds{1ms,   2500us, 5ms, 10ms,   25ms, 50ms, 100ms,
                                                    250ms, 500ms,  1s,  2500ms, 5s,   10s};
  std::array<std::uint64_t, kBounds.size() + 1> counts{};  // the last: longer than all
  Duration total{};

  void add(Duration took);
  void add(const Latencies& other);
};

struct RouteCounters {
  std::array<std::uint64_t, 5> answers{};  // 1xx (a tunnel) to 5xx
  std::uint64_t own_errors = 0;            // of the answers: the router's own, not the app's
  std::uint64_t retries = 0;
  std::uint64_t queued = 0;                          // waited for a free slot
  std::uint64_t parked = 0;                          // waited for an instance
  std::uint64_t turned_away = 0;                     // no room to wait, or in vain
  std::uint64_t received_bytes = 0, sent_bytes = 0;  // content
  int in_flight = 0;
  Latencies latencies;

  std::uint64_t requests() const;
  void add(const RouteCounters& other);
};

struct InstanceCounters {
  std::uint64_t requests = 0;
  std::uint64_t failures = 0;   // not connected to, or no good answer
  std::uint64_t ejections = 0;  // times it was left alone for its failures
  int in_flight = 0;

  void add(const InstanceCounters& other);
};

// What one worker, or all, have counted: of routes and instances that were asked at least once.
struct Counted {
  struct OfRoute {
    std::string host, path, app;
    RouteCounters counters;
  };
  struct OfInstance {
    std::string id, app;
    int index = 0;
    InstanceCounters counters;
  };
  std::vector<OfRoute> routes;
  std::vector<OfInstance> instances;
  std::uint64_t unknown_routes = 0;  // requests for hosts that nothing is served under
  std::uint64_t held_bytes = 0;      // of content that a slow peer has not taken, now
};

// The sum; sorted by host and path, and by app, index and id.
Counted sum_of(const std::vector<Counted>& all);

// In Prometheus' text format 0.0.4 (prometheus.io, Exposition formats).
std::string prometheus_text(const Counted& counted);

}  // namespace nuri::router

#include "router/counters.h"

#include <gmock/gmock.h>

namespace nuri::router {
namespace {

using testing::HasSubstr;
using testing::Not;

Counted counted(int in_flight, std::uint64_t ok, Duration took) {
  Counted out;
  RouteCounters route;
  route.answers[1] = ok;
  route.in_flight = in_flight;
  for (std::uint64_t n = 0; n < ok; ++n) route.latencies.add(took);
  out.routes.push_back({"a.test", "/api", "shop", route});
  InstanceCounters instance;
  instance.requests = ok;
  out.instances.push_back({"guid", "shop", 2, instance});
  out.unknown_routes = 1;
  return out;
}

TEST(Latencies, AreCountedUpToTheirBound) {
  Latencies all;
  all.add(1ms);
  all.add(1ms + 1ns);
  all.add(1min);
  EXPECT_EQ(all.counts[0], 1u);
  EXPECT_EQ(all.counts[1], 1u);
  EXPECT_EQ(all.counts.back(), 1u);
  EXPECT_EQ(all.total, 1min + 2ms + 1ns);
}

TEST(Counted, OfAllWorkersAddUp) {
  const Counted sum = sum_of({counted(1, 2, 3ms), counted(0, 3, 3ms), {}});
  ASSERT_EQ(sum.routes.size(), 1u);
  EXPECT_EQ(sum.routes[0].counters.requests(), 5u);
  EXPECT_EQ(sum.routes[0].counters.in_flight, 1);
  ASSERT_EQ(sum.instances.size(), 1u);
  EXPECT_EQ(sum.instances[0].counters.requests, 5u);
  EXPECT_EQ(sum.unknown_routes, 2u);
}

TEST(Counted, IsTextForPrometheus) {
  Counted all = counted(1, 2, 3ms);
  all.routes[0].app = "a\"b\\c";
  const std::string text = prometheus_text(all);
  EXPECT_THAT(text, HasSubstr("# TYPE nuri_router_requests_total counter\n"));
  EXPECT_THAT(text, HasSubstr("nuri_router_requests_total{host=\"a.test\",path=\"/api\",app="
                              "\"a\\\"b\\\\c\",code=\"2xx\"} 2\n"));
  EXPECT_THAT(text, Not(HasSubstr("5xx")));
  EXPECT_THAT(text, HasSubstr("le=\"0.0025\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("le=\"0.005\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("le=\"+Inf\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("nuri_router_request_duration_seconds_sum{host=\"a.test\",path=\"/api"
                              "\",app=\"a\\\"b\\\\c\"} 0.006\n"));
  EXPECT_THAT(text, HasSubstr("index=\"2\",instance=\"guid\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("nuri_router_unknown_routes_total 1\n"));
}

}  // namespace
}  // namespace nuri::router

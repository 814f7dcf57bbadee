// What a worker counts, over real sockets.

#include "router/test_worker.h"

namespace nuri::router {
namespace {

std::string ask(TestWorker& router, std::string_view host) {
  Talk client = router.talk();
  EXPECT_TRUE(client.say(get(host)));
  std::string head;
  client.hear_answer(head);
  return head;
}

TEST(WorkerCounters, CountAnswersBytesAndInstances) {
  Instance app(answering("hello"));
  TestWorker router;
  router.put("a.test", {app.address()});
  router.put("silent.test", {app.address()});
  for (int n = 0; n < 3; ++n) EXPECT_EQ(status_of(ask(router, "a.test")), 200);
  EXPECT_EQ(status_of(ask(router, "nobody.test")), 404);
  const Counted counted = until(router, [](const Counted& c) {
    return c.unknown_routes == 1 && !c.routes.empty() && c.routes[0].counters.in_flight == 0;
  });
  ASSERT_EQ(counted.routes.size(), 1U) << "only what was asked for";
  const auto& route = counted.routes[0];
  EXPECT_EQ(route.host, "a.test");
  EXPECT_EQ(route.counters.answers[1], 3U);
  EXPECT_EQ(route.counters.sent_bytes, 15U);
  EXPECT_EQ(route.counters.own_errors, 0U);
  EXPECT_EQ(route.counters.latencies.counts.size(), Latencies::kBounds.size() + 1);
  ASSERT_EQ(counted.instances.size(), 1U);
  EXPECT_EQ(counted.instances[0].counters.requests, 3U);
  EXPECT_EQ(counted.instances[0].counters.in_flight, 0);
}

TEST(WorkerCounters, GoOnWhenTheRouteIsPutAnewAndTellOfRetriesAndErrors) {
  Instance app(answering("hello"));
  TestWorker router;
  router.put("a.test", {app.address()});
  ask(router, "a.test");
  // Nothing listens on port 1: each request that begins there goes on to the other.
  router.put("a.test", {"127.0.0.1:1", app.address()});
  for (int n = 0; n < 4; ++n) EXPECT_EQ(status_of(ask(router, "a.test")), 200);
  router.put("a.test", {"127.0.0.1:1"});
  EXPECT_EQ(status_of(ask(router, "a.test")), 502);
  const Counted counted = until(router, [](const Counted& c) {
    return c.routes.size() == 1 && c.routes[0].counters.requests() == 6;
  });
  const RouteCounters& of_route = counted.routes[0].counters;
  EXPECT_EQ(of_route.answers[1], 5U);
  EXPECT_EQ(of_route.answers[4], 1U);
  EXPECT_EQ(of_route.own_errors, 1U);
  EXPECT_GT(of_route.retries, 0U);
}

}  // namespace
}  // namespace nuri::router

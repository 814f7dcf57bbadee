// What holds requests back: limits on those in flight with a line to wait in, and sleeping apps.

#include <gtest/gtest.h>

#include <atomic>
#include <semaphore>

#include "model/route_settings.h"
#include "router/test_worker.h"

namespace nuri::router {
namespace {

// An instance whose requests wait until the test lets one go.
struct Held {
  std::atomic<int> at_work{0}, most{0};
  std::counting_semaphore<> go{0};
  Instance instance{[this](Talk& talk) {
    for (std::string head; !(head = talk.hear_head()).empty();) {
      const int now = ++at_work;
      for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
      }
      go.acquire();
      --at_work;
      talk.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Path: " +
               head.substr(4, head.find(' ', 4) - 4) + "\r\n\r\nok");
    }
  }};
  ~Held() { go.release(1000); }  // also after a failure nobody waits for ever
};

void put(TestWorker& worker, const std::vector<std::string>& addresses,
         const model::RouteSettings& settings, bool wakes = false) {
  model::RouteEntry entry;
  entry.host = "a.test";
  entry.app = "app";
  entry.wakes = wakes;
  for (const std::string& one : addresses) entry.upstreams.push_back({.id = one, .address = one});
  entry.settings = std::make_shared<const model::RouteSettings>(settings);
  worker.apply({{std::move(entry)}, {}});
}

model::RouteSettings at_most(int instance, int route, int length = 100, Duration wait = 20s) {
  model::RouteSettings settings;
  settings.max_outstanding = {.instance = instance, .route = route};
  settings.queue = {.length = length, .wait = wait};
  return settings;
}

std::string head_of(Talk& talk) {
  std::string head;
  talk.hear_answer(head);
  return head;
}

Talk ask(TestWorker& worker, std::string_view path = "/") {
  Talk talk = worker.talk();
  EXPECT_TRUE(talk.say(get("a.test", path)));
  return talk;
}

std::string metric(TestWorker& worker, std::uint64_t RouteCounters::* which) {
  std::promise<std::uint64_t> value;
  worker.worker().count([&](Counted counted) {
    value.set_value(counted.routes.empty() ? 0 : counted.routes[0].counters.*which);
  });
  return std::to_string(value.get_future().get());
}

int in_flight(TestWorker& worker) {
  std::promise<int> value;
  worker.worker().count([&](Counted counted) {
    value.set_value(counted.routes.empty() ? 0 : counted.routes[0].counters.in_flight);
  });
  return value.get_future().get();
}

TEST(WorkerGate, AnInstanceGetsNoMoreAtOnceThanItsLimitAndTheRestWaitsInTurn) {
  Held held;
  TestWorker worker;
  put(worker, {held.instance.address()}, at_most(2, 0));
  std::vector<Talk> talks;
  for (const char* path : {"/0", "/1", "/2", "/3"}) {
    talks.push_back(ask(worker, path));
    // One after the other into the line.
    const int in_hand = std::min<int>(2, static_cast<int>(talks.size()));
    ASSERT_TRUE(eventually([&] { return held.at_work == in_hand; }));
    ASSERT_TRUE(eventually([&] {
      return metric(worker, &RouteCounters::queued) ==
             std::to_string(std::max<int>(0, static_cast<int>(talks.size()) - 2));
    }));
  }
  held.go.release();
  ASSERT_TRUE(eventually([&] { return held.at_work == 2; }));
  held.go.release(3);
  for (std::size_t n = 0; n < talks.size(); ++n)
    EXPECT_EQ(field(head_of(talks[n]), "X-Path"), "/" + std::to_string(n));
  EXPECT_EQ(held.most, 2);
}

TEST(WorkerGate, AnInstanceMayLeaveTheTableWhileWhoTriedItWaitsForAnother) {
  Held busy;
  std::atomic<bool> asked = false;
  std::binary_semaphore end{0};
  Instance leaving([&](Talk& talk) {
    talk.hear_head();
    asked = true;
    end.acquire();
  });
  TestWorker worker;
  put(worker, {busy.instance.address(), leaving.address()}, at_most(1, 0));
  Talk first = ask(worker);
  ASSERT_TRUE(eventually([&] { return busy.at_work == 1; }));
  Talk second = ask(worker);
  const bool both = eventually([&] { return asked.load(); });
  end.release();
  ASSERT_TRUE(both);
  ASSERT_TRUE(eventually([&] { return metric(worker, &RouteCounters::queued) == "1"; }));
  put(worker, {busy.instance.address()}, at_most(1, 0));
  busy.go.release(2);
  EXPECT_EQ(status_of(head_of(first)), 200);
  EXPECT_EQ(status_of(head_of(second)), 200);
  EXPECT_EQ(metric(worker, &RouteCounters::retries), "1");
}

TEST(WorkerGate, ARoutesLimitCountsAllItsInstances) {
  Held one, other;
  TestWorker worker;
  put(worker, {one.instance.address(), other.instance.address()}, at_most(0, 1));
  Talk first = ask(worker), second = ask(worker);
  ASSERT_TRUE(eventually([&] { return metric(worker, &RouteCounters::queued) == "1"; }));
  ASSERT_TRUE(eventually([&] { return one.at_work + other.at_work == 1; }));
  one.go.release(2);
  other.go.release(2);
  EXPECT_EQ(status_of(head_of(first)), 200);
  EXPECT_EQ(status_of(head_of(second)), 200);
  EXPECT_LE(one.most + other.most, 2);
}

TEST(WorkerGate, ARequestThatFindsTheLineFullIsToldToTryAgain) {
  Held held;
  TestWorker worker;
  put(worker, {held.instance.address()}, at_most(1, 0, 1));
  Talk first = ask(worker);
  ASSERT_TRUE(eventually([&] { return held.at_work == 1; }));
  Talk second = ask(worker);
  ASSERT_TRUE(eventually([&] { return metric(worker, &RouteCounters::queued) == "1"; }));
  Talk third = ask(worker);
  const std::string refused = head_of(third);
  EXPECT_EQ(status_of(refused), 503);
  EXPECT_EQ(field(refused, "X-Nuri-Error"), "queue_full");
  EXPECT_NE(field(refused, "Retry-After"), "");
  held.go.release(2);
  EXPECT_EQ(status_of(head_of(first)), 200);
  EXPECT_EQ(status_of(head_of(second)), 200);
}

TEST(WorkerGate, WaitingInVainEnds) {
  Held held;
  TestWorker worker;
  put(worker, {held.instance.address()}, at_most(1, 0, 10, 30ms));
  Talk first = ask(worker);
  ASSERT_TRUE(eventually([&] { return held.at_work == 1; }));
  Talk second = ask(worker);
  EXPECT_EQ(field(head_of(second), "X-Nuri-Error"), "queue_timeout");
  held.go.release();
  EXPECT_EQ(status_of(head_of(first)), 200);
}

TEST(WorkerGate, AClientThatLeavesTheLineMakesRoomAndIsNotServed) {
  Held held;
  TestWorker worker;
  put(worker, {held.instance.address()}, at_most(1, 0, 1));
  Talk first = ask(worker);
  ASSERT_TRUE(eventually([&] { return held.at_work == 1; }));
  {
    Talk leaver = ask(worker, "/leaver");
    ASSERT_TRUE(eventually([&] { return metric(worker, &RouteCounters::queued) == "1"; }));
  }
  ASSERT_TRUE(eventually([&] { return in_flight(worker) == 1; }));
  // The line has one place: it is free again.
  Talk next = ask(worker, "/next");
  ASSERT_TRUE(eventually([&] { return metric(worker, &RouteCounters::queued) == "2"; }));
  held.go.release(2);
  EXPECT_EQ(field(head_of(next), "X-Path"), "/next");
}

TEST(WorkerGate, ALimitIsKeptByTwoWorkersTogetherAndNeitherStarves) {
  Held held;
  const auto limits = std::make_shared<LimitBook>();
  std::vector<std::unique_ptr<TestWorker>> workers;
  for (std::size_t n = 0; n < 2; ++n)
    workers.push_back(std::make_unique<TestWorker>(WorkerOptions{.index = n, .limits = limits}));
  for (auto& worker : workers) put(*worker, {held.instance.address()}, at_most(1, 0));
  std::vector<Talk> talks;
  for (int n = 0; n < 8; ++n) talks.push_back(ask(*workers[static_cast<std::size_t>(n % 2)]));
  held.go.release(8);
  for (auto& talk : talks) EXPECT_EQ(status_of(head_of(talk)), 200);
  EXPECT_EQ(held.most, 1);
}

TEST(WorkerGate, RequestsForASleepingAppWaitAndItIsWokenOnce) {
  Held held;
  std::atomic<int> wakes{0};
  TestWorker worker(WorkerOptions{.ask_wake = [&](const std::string& app) {
    EXPECT_EQ(app, "app");
    ++wakes;
  }});
  put(worker, {}, {}, true);
  Talk first = ask(worker), second = ask(worker);
  ASSERT_TRUE(eventually([&] { return metric(worker, &RouteCounters::parked) == "2"; }));
  EXPECT_EQ(wakes, 1);
  held.go.release(2);
  put(worker, {held.instance.address()}, {}, true);
  EXPECT_EQ(status_of(head_of(first)), 200);
  EXPECT_EQ(status_of(head_of(second)), 200);
}

TEST(WorkerGate, ASleepingAppThatDoesNotWakeIsNotWaitedForForEver) {
  TestWorker worker;
  model::RouteSettings settings;
  settings.queue.wait = 30ms;
  put(worker, {}, settings, true);
  Talk talk = ask(worker);
  EXPECT_EQ(field(head_of(talk), "X-Nuri-Error"), "wake_timeout");
}

TEST(WorkerGate, AnAppThatCannotBeWokenIsNotWaitedFor) {
  TestWorker worker;
  put(worker, {}, {});
  Talk talk = ask(worker);
  EXPECT_EQ(field(head_of(talk), "X-Nuri-Error"), "no_instances");
}

TEST(WorkerGate, ARouteThatIsTakenAwayEndsTheWait) {
  TestWorker worker;
  put(worker, {}, {}, true);
  Talk talk = ask(worker);
  ASSERT_TRUE(eventually([&] { return metric(worker, &RouteCounters::parked) == "1"; }));
  worker.apply({{}, {{"a.test", ""}}});
  EXPECT_EQ(field(head_of(talk), "X-Nuri-Error"), "unknown_route");
}

}  // namespace
}  // namespace nuri::router

#include "async/simulated_loop.h"

#include <gtest/gtest.h>

#include <set>

#include "async/blocking_pool.h"
#include "async/channel.h"
#include "async/deadline.h"
#include "async/task_group.h"

namespace nuri::async {
namespace {

// A history: tasks that sleep, talk and compute; each step is mixed into the hash.
struct Trace {
  std::uint64_t hash = 14695981039346656037ULL;
  void note(std::uint64_t value) { hash = (hash ^ value) * 1099511628211ULL; }
};

Task<> worker(SimulatedLoop& loop, BlockingPool& pool, Channel<int>& channel, Trace& trace, int n) {
  for (int i = 0; i < 20; ++i) {
    co_await sleep(Duration(loop.random().below(1000)));
    trace.note(static_cast<std::uint64_t>(n));
    trace.note(static_cast<std::uint64_t>(loop.now().ns));
    if (n % 2 == 0)
      (void)channel.try_send(n * 100 + i);
    else if (const auto got = channel.try_receive())
      trace.note(static_cast<std::uint64_t>(*got));
    if (i % 5 == 0) trace.note(static_cast<std::uint64_t>(co_await pool.run([i] { return i; })));
    co_await yield();
  }
}

std::uint64_t history(std::uint64_t seed) {
  SimulatedLoop loop(seed);
  SimulatedPool pool(loop, 1ms);
  Trace trace;
  loop.run([](SimulatedLoop& on, BlockingPool& jobs, Trace& to) -> Task<> {
    Channel<int> channel(4);
    TaskGroup group(on);
    for (int n = 0; n < 8; ++n) group.spawn(worker(on, jobs, channel, to, n));
    co_await group.join();
  }(loop, pool, trace));
  trace.note(loop.steps());
  return trace.hash;
}

TEST(SimulatedLoopTest, OneSeedIsOneHistoryAndAnotherIsAnother) {
  std::set<std::uint64_t> histories;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const auto first = history(seed);
    EXPECT_EQ(first, history(seed)) << "seed " << seed;
    histories.insert(first);
  }
  EXPECT_EQ(histories.size(), 50U);
}

TEST(SimulatedLoopTest, TheOrderOfWhatIsReadyDependsOnTheSeed) {
  std::set<std::string> orders;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    SimulatedLoop loop(seed);
    std::string order;
    loop.run([](Loop& on, std::string& to) -> Task<> {
      TaskGroup group(on);
      for (char c = 'a'; c < 'd'; ++c)
        group.spawn([](std::string& text, char letter) -> Task<> {
          text += letter;
          co_return;
        }(to, c));
      co_await group.join();
    }(loop, order));
    orders.insert(order);
  }
  EXPECT_EQ(orders.size(), 6U);
}

TEST(SimulatedLoopTest, ADayPassesInNoTime) {
  SimulatedLoop loop(1);
  const WallTime before = loop.wall();
  loop.run([]() -> Task<> { EXPECT_TRUE(co_await sleep(24h)); }());
  EXPECT_EQ(loop.now().ns, Duration(24h).count());
  EXPECT_EQ(loop.wall() - before, 24h);
}

Task<> wait_for_nobody() {
  Event event;
  co_await event.wait();
}

TEST(SimulatedLoopDeathTest, ADeadlockIsABug) {
  EXPECT_DEATH(
      {
        SimulatedLoop loop(1);
        loop.run(wait_for_nobody());
      },
      "next\\(\\) != kNever");
}

TEST(SimulatedLoopTest, DriveStopsInTheMiddleAndGoesOn) {
  SimulatedLoop loop(1);
  int ticks = 0;
  TaskGroup group(loop);
  group.spawn([](int& count) -> Task<> {
    for (;;) {
      if (!co_await sleep(1s)) co_return;
      ++count;
    }
  }(ticks));
  loop.drive(Time{Duration(10s).count()}, [] { return false; });
  EXPECT_EQ(ticks, 10);
  EXPECT_EQ(loop.now().ns, Duration(10s).count());
  loop.drive(kNever, [&] { return ticks == 15; });
  EXPECT_EQ(ticks, 15);
  // A crash: the frames are destroyed where they are.
}

TEST(SimulatedLoopTest, DriveEndsWhenNothingIsLeftAndRunsWhatIsPosted) {
  SimulatedLoop loop(1);
  loop.drive(kNever, [] { return false; });
  EXPECT_EQ(loop.now().ns, 0);
  int posted = 0;
  TaskGroup group(loop);
  loop.post([&] {
    loop.post([&] {
      ++posted;
      group.spawn([](int& n) -> Task<> {
        EXPECT_TRUE(co_await sleep(1s));
        ++n;
      }(posted));
    });
  });
  loop.drive(Time{Duration(5s).count()}, [] { return false; });
  EXPECT_EQ(posted, 2);
  EXPECT_EQ(loop.now().ns, Duration(5s).count());  // also where nothing was left to do
}

TEST(SimulatedLoopTest, AJobThatPostsAnotherIsNoDeadlock) {
  SimulatedLoop loop(1);
  loop.run([](Loop& on) -> Task<> {
    Event event;
    on.post([&on, &event] { on.post([&event] { event.set(); }); });
    EXPECT_TRUE(co_await event.wait());
  }(loop));
}

TEST(SimulatedPoolTest, JobsEndWithinTheBoundInASeededOrder) {
  std::set<std::vector<int>> orders;
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    SimulatedLoop loop(seed);
    SimulatedPool pool(loop, 10ms);
    std::vector<int> order;
    loop.run([](Loop& on, BlockingPool& jobs, std::vector<int>& to) -> Task<> {
      TaskGroup group(on);
      for (int i = 0; i < 4; ++i)
        group.spawn([](BlockingPool& p, std::vector<int>& out, int n) -> Task<> {
          out.push_back(co_await p.run([n] { return n; }));
        }(jobs, to, i));
      co_await group.join();
    }(loop, pool, order));
    EXPECT_EQ(order.size(), 4U);
    EXPECT_LE(loop.now().ns, Duration(10ms).count());
    orders.insert(order);
  }
  EXPECT_GT(orders.size(), 10U);
}

TEST(SimulatedPoolTest, AJobMayThrowAndBeLeft) {
  SimulatedLoop loop(3);
  SimulatedPool pool(loop, 1s);
  loop.run([](BlockingPool& jobs) -> Task<> {
    bool thrown = false;
    try {
      co_await jobs.run([] { throw std::runtime_error("x"); });
    } catch (const std::runtime_error&) {
      thrown = true;
    }
    EXPECT_TRUE(thrown);
    int timeouts = 0;
    for (int i = 0; i < 20; ++i) try {
        co_await within(1ms, jobs.run([] {}));
      } catch (const Error&) {
        ++timeouts;
      }
    EXPECT_GT(timeouts, 10);
  }(pool));
}

}  // namespace
}  // namespace nuri::async

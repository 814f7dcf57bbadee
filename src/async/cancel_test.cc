// What a cancellation reaches, what it tells, and what it must not take away.

#include <gtest/gtest.h>

#include <array>

#include "async/blocking_pool.h"
#include "async/channel.h"
#include "async/deadline.h"
#include "async/descriptor.h"
#include "async/epoll_loop.h"
#include "async/simulated_loop.h"
#include "async/task_group.h"
#include "async/test_sockets.h"
#include "base/error.h"

namespace nuri::async {
namespace {

// IoError::other if there was none.
template <class T>
IoError error_in(const IoResult<T>& result) {
  return result ? IoError::other : result.error();
}

Task<IoResult<void>> forever() { co_return co_await sleep(1h); }

TEST(CancelTest, WhatBeginsInACancelledScopeEndsAtOnceWithItsCause) {
  SimulatedLoop loop(1);
  auto late = []() -> Task<> {
    EXPECT_FALSE(co_await sleep(1h));
    EXPECT_EQ((co_await within(1h, forever())).error(), IoError::timed_out);
    Event event;
    EXPECT_EQ((co_await event.wait()).error(), IoError::timed_out);
    Channel<int> channel(1);
    EXPECT_EQ((co_await channel.send(1)).error(), IoError::timed_out);
    EXPECT_TRUE(channel.try_send(2));
    EXPECT_EQ((co_await channel.receive()).error(), IoError::timed_out);
    EXPECT_EQ(channel.try_receive(), 2);
  };
  loop.run(within(10ms, late()));
  EXPECT_EQ(loop.now().ns, Duration(10ms).count());
}

TEST(CancelTest, AJoinInACancelledScopeEndsTheChildren) {
  SimulatedLoop loop(1);
  auto late = [](Loop& on) -> Task<> {
    EXPECT_FALSE(co_await sleep(1h));
    TaskGroup group(on);
    group.spawn([]() -> Task<> { EXPECT_EQ((co_await sleep(1h)).error(), IoError::timed_out); }());
    co_await group.join();
  };
  loop.run(within(10ms, late(loop)));
  EXPECT_EQ(loop.now().ns, Duration(10ms).count());
}

TEST(CancelTest, TheFirstCauseStays) {
  SimulatedLoop loop(1);
  loop.run([]() -> Task<> {
    Scope scope(co_await current_scope());
    scope.cancel(IoError::timed_out);
    scope.cancel(IoError::cancelled);
    EXPECT_EQ((co_await forever().in(scope)).error(), IoError::timed_out);
  }());
}

TEST(CancelTest, ReachesEveryScopeBelow) {
  SimulatedLoop loop(1);
  loop.run([](Loop& on) -> Task<> {
    Scope top(co_await current_scope());
    int ended = 0;
    std::array<std::optional<TaskGroup>, 3> groups;
    for (auto& group : groups) {
      group.emplace(top);
      for (int i = 0; i < 2; ++i)
        group->spawn([](int& count) -> Task<> {
          count += error_in(co_await within(2h, forever())) == IoError::cancelled;
        }(ended));
    }
    co_await sleep(1ms);
    top.cancel();
    for (auto& group : groups) co_await group->join();
    EXPECT_EQ(ended, 6);
    EXPECT_EQ(on.now().ns, Duration(1ms).count());
  }(loop));
}

TEST(CancelTest, AWaitThatHasEndedIsNotCancelledAnyMore) {
  EpollLoop loop;
  loop.run([](Loop& on) -> Task<> {
    Event event;
    Channel<int> channel(1);
    int got = 0, heard = 0;
    TaskGroup group(on);
    group.spawn(
        [](Event& e, int& n) -> Task<> { n += (co_await e.wait()).has_value(); }(event, heard));
    group.spawn([](Channel<int>& c, int& n) -> Task<> { n = (co_await c.receive()).value_or(0); }(
                                                channel, got));
    co_await sleep(1ms);
    event.pulse();
    EXPECT_TRUE(channel.try_send(7));
    group.cancel();
    co_await group.join();
    EXPECT_EQ(heard, 1);
    // The value is with the receiver or still in the channel, never lost.
    EXPECT_EQ(got + channel.try_receive().value_or(0), 7);
  }(loop));
}

TEST(CancelTest, WhatComesForACancelledWaitFindsNobody) {
  EpollLoop loop;
  loop.run([](Loop& on) -> Task<> {
    Pair pair = socket_pair();
    Descriptor reader(on, std::move(pair.a));
    Event event;
    int cancelled = 0;
    TaskGroup group(on);
    group.spawn([](Event& e, int& n) -> Task<> { n += !co_await e.wait(); }(event, cancelled));
    group.spawn(
        [](Descriptor& d, int& n) -> Task<> { n += !co_await d.recv(); }(reader, cancelled));
    co_await sleep(1ms);
    group.cancel();
    event.pulse();
    EXPECT_EQ(::write(pair.b.get(), "x", 1), 1);
    co_await group.join();
    EXPECT_EQ(cancelled, 2);
    EXPECT_EQ((co_await reader.recv())->view(), "x");
  }(loop));
}

TEST(CancelTest, AReaderCancelledAsABufferComesBackLeavesItsBytesInTheSocket) {
  EpollLoop loop;
  loop.run([](Loop& on) -> Task<> {
    Pair pair = socket_pair(), other = socket_pair();
    Descriptor source(on, std::move(pair.a)), reader(on, std::move(other.a));
    std::vector<Chunk> held;
    while (held.size() < 512) {
      EXPECT_EQ(::write(pair.b.get(), "x", 1), 1);
      held.push_back(std::move(*co_await source.recv()));
    }
    EXPECT_EQ(::write(other.b.get(), "y", 1), 1);
    bool cancelled = false;
    TaskGroup group(on);
    group.spawn([](Descriptor& d, bool& ended) -> Task<> { ended = !co_await d.recv(); }(
                                                   reader, cancelled));
    co_await sleep(1ms);
    group.cancel();
    held.pop_back();
    co_await group.join();
    EXPECT_TRUE(cancelled);
    EXPECT_EQ((co_await reader.recv())->view(), "y");
  }(loop));
}

class CountingPool final : public BlockingPool {
 public:
  int submitted = 0;
  void submit(Loop& loop, std::move_only_function<void()> work,
              std::move_only_function<void()> done) override {
    ++submitted;
    work();
    loop.post(std::move(done));
  }
};

TEST(CancelTest, ACancelledTaskSubmitsNoJob) {
  EpollLoop loop;
  CountingPool pool;
  loop.run([](BlockingPool& jobs) -> Task<> { co_await jobs.run([] {}); }(pool));
  EXPECT_EQ(pool.submitted, 1);
  loop.cancel();
  EXPECT_THROW(loop.run([](BlockingPool& jobs) -> Task<> { co_await jobs.run([] {}); }(pool)),
               Error);
  EXPECT_EQ(pool.submitted, 1);
}

}  // namespace
}  // namespace nuri::async

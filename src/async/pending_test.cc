#include <gtest/gtest.h>

#include <optional>

#include "async/deadline.h"
#include "async/descriptor.h"
#include "async/task_group.h"
#include "async/test_loops.h"
#include "async/test_sockets.h"

// What a descriptor's operation may take of time: recv().within(…).

namespace nuri::async {
namespace {

constexpr Duration kLong = 20s;  // far more than a test takes

struct Ends {
  explicit Ends(Loop& loop) : Ends(loop, tcp_pair()) {}
  Ends(Loop& loop, Pair pair) : ours(loop, std::move(pair.a)), theirs(loop, std::move(pair.b)) {}
  Descriptor ours, theirs;
};

Task<> send_later(Descriptor& from, Duration after, std::string_view text) {
  EXPECT_TRUE(co_await sleep(after));
  EXPECT_TRUE(co_await from.send(text));
}

ON_EACH_LOOP(PendingTest);

TYPED_TEST(PendingTest, WhatComesInTimeIsTakenAndWhatDoesNotTimesOut) {
  TypeParam loop;
  loop.run([](Loop& on) -> Task<> {
    Ends ends(on);
    EXPECT_TRUE(co_await ends.theirs.send("x").within(kLong));
    EXPECT_EQ((co_await ends.ours.recv().within(kLong))->view(), "x");
    const Time began = on.turned();  // limits count from there
    EXPECT_EQ((co_await ends.ours.recv().within(30ms)).error(), IoError::timed_out);
    EXPECT_GE(on.now() - began, 30ms);
    EXPECT_LT(on.now() - began, kLong);
    // The descriptor is as good as before.
    EXPECT_TRUE(co_await ends.theirs.send("y"));
    EXPECT_EQ((co_await ends.ours.recv().within(kLong))->view(), "y");
  }(loop));
}

TYPED_TEST(PendingTest, ALaterOperationHasItsOwnLimitWhateverTheOneBeforeHad) {
  TypeParam loop;
  loop.run([](Loop& on) -> Task<> {
    for (const auto& [first, second] : {std::pair(20ms, 80ms), std::pair(10'000ms, 40ms)}) {
      Ends ends(on);
      EXPECT_TRUE(co_await ends.theirs.send("x"));
      EXPECT_TRUE(co_await ends.ours.recv().within(first));
      EXPECT_FALSE(
          co_await within(1ms, [](Descriptor& ours, Duration limit) -> Task<IoResult<void>> {
            auto chunk = co_await ours.recv().within(limit);  // waits, and arms
            if (!chunk) co_return std::unexpected(chunk.error());
            co_return IoResult<void>{};
          }(ends.ours, first)));
      const Time began = on.turned();  // limits count from there
      EXPECT_EQ((co_await ends.ours.recv().within(second)).error(), IoError::timed_out);
      EXPECT_GE(on.now() - began, second);
      EXPECT_LT(on.now() - began, 10s);
    }
  }(loop));
}

TYPED_TEST(PendingTest, WithoutALimitItWaitsOnWhenTheTimeOfTheOneBeforeIsUp) {
  TypeParam loop;
  loop.run([](Loop& on) -> Task<> {
    Ends ends(on);
    EXPECT_EQ((co_await ends.ours.recv().within(5ms)).error(), IoError::timed_out);
    TaskGroup group(on);
    group.spawn(send_later(ends.theirs, 50ms, "late"));
    EXPECT_EQ((co_await ends.ours.recv())->view(), "late");
    co_await group.join();
  }(loop));
}

TYPED_TEST(PendingTest, ReadingAndSendingHaveTheirOwnTime) {
  TypeParam loop;
  loop.run([](Loop& on) -> Task<> {
    Ends ends(on);
    const std::string much(64 << 20, 'm');
    std::optional<IoError> sent, read;
    TaskGroup group(on);
    group.spawn([](Descriptor& ours, const std::string& text, auto& outcome) -> Task<> {
      outcome = (co_await ours.send(text).within(30ms)).error();
    }(ends.ours, much, sent));
    group.spawn([](Descriptor& ours, auto& outcome) -> Task<> {
      outcome = (co_await ours.recv().within(60ms)).error();
    }(ends.ours, read));
    co_await group.join();
    EXPECT_EQ(sent, IoError::timed_out);
    EXPECT_EQ(read, IoError::timed_out);
  }(loop));
}

TYPED_TEST(PendingTest, ADescriptorClosesWhileItsTimerIsArmed) {
  TypeParam loop;
  loop.run([](Loop& on) -> Task<> {
    {
      Ends ends(on);
      EXPECT_TRUE(co_await ends.theirs.send("x"));
      EXPECT_TRUE(co_await ends.ours.readable().within(10ms));
      EXPECT_EQ((co_await ends.theirs.recv().within(1ms)).error(), IoError::timed_out);
    }
    // Its slot is another's, whom no old timer ends.
    Ends next(on);
    TaskGroup group(on);
    group.spawn(send_later(next.theirs, 40ms, "z"));
    EXPECT_EQ((co_await next.ours.recv().within(kLong))->view(), "z");
    co_await group.join();
  }(loop));
}

TYPED_TEST(PendingTest, AScopeOfItsOwnEndsTheWaitAlone) {
  TypeParam loop;
  loop.run([](Loop& on) -> Task<> {
    Ends ends(on);
    Scope mine(on.root());
    TaskGroup group(on);
    group.spawn([](Scope& scope) -> Task<> {
      EXPECT_TRUE(co_await sleep(10ms));
      scope.cancel();
    }(mine));
    EXPECT_EQ((co_await ends.ours.recv().in(mine).within(kLong)).error(), IoError::cancelled);
    EXPECT_EQ((co_await ends.ours.recv().in(mine)).error(), IoError::cancelled);
    EXPECT_TRUE(co_await ends.theirs.send("still"));
    EXPECT_EQ((co_await ends.ours.recv())->view(), "still");
    co_await group.join();
  }(loop));
}

}  // namespace
}  // namespace nuri::async

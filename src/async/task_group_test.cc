#include "async/task_group.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

#include "async/deadline.h"
#include "async/event.h"
#include "async/test_loops.h"
#include "base/error.h"

namespace nuri::async {
namespace {

struct Counted {
  explicit Counted(int& n) : count(n) { ++count; }
  ~Counted() { --count; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  int& count;
};

Task<> sleeper(int& alive, Duration time) {
  Counted here(alive);
  (void)co_await sleep(time);
}

Task<> fails(std::string text) {
  co_await yield();
  throw std::runtime_error(text);
}

ON_EACH_LOOP(TaskGroupTest);

TYPED_TEST(TaskGroupTest, JoinWaitsForAll) {
  TypeParam loop;
  int alive = 0;
  loop.run([](Loop& on, int& count) -> Task<> {
    TaskGroup group(on);
    for (int i = 0; i < 100; ++i) group.spawn(sleeper(count, Duration(i * 10'000)));
    EXPECT_EQ(group.size(), 100U);
    co_await group.join();
    EXPECT_EQ(count, 0);
    EXPECT_EQ(group.size(), 0U);
    co_await group.join();  // of nothing: ends at once
  }(loop, alive));
}

TYPED_TEST(TaskGroupTest, TheFirstExceptionCancelsTheOthersAndIsThrown) {
  TypeParam loop;
  int alive = 0;
  std::string what;
  loop.run([](Loop& on, int& count, std::string& said) -> Task<> {
    TaskGroup group(on);
    for (int i = 0; i < 10; ++i) group.spawn(sleeper(count, 1h));
    group.spawn(fails("first"));
    group.spawn(fails("second"));
    try {
      co_await group.join();
    } catch (const std::runtime_error& e) {
      said = e.what();
    }
    EXPECT_EQ(count, 0);
  }(loop, alive, what));
  EXPECT_EQ(what, "first");
}

TYPED_TEST(TaskGroupTest, CancellingTheJoinerCancelsTheChildrenAndStillWaitsForThem) {
  TypeParam loop;
  int alive = 0, cleaned = 0;
  auto child = [](int& count, int& done) -> Task<> {
    Counted here(count);
    auto slept = co_await sleep(1h);
    EXPECT_EQ(slept.error(), IoError::timed_out);
    co_await shielded(1s, []() -> Task<> { EXPECT_TRUE(co_await sleep(2ms)); }());
    ++done;
  };
  auto parent = [](Loop& on, int& count, int& done, decltype(child) make) -> Task<> {
    TaskGroup group(on);
    group.spawn(make(count, done));
    co_await group.join();
    EXPECT_EQ(done, 1);
  };
  loop.run(within(1ms, parent(loop, alive, cleaned, child)));
  EXPECT_EQ(alive, 0);
  EXPECT_EQ(cleaned, 1);
}

TYPED_TEST(TaskGroupTest, DestroyingAGroupFreesTheFramesOfSuspendedChildren) {
  TypeParam loop;
  int alive = 0;
  loop.run([](Loop& on, int& count) -> Task<> {
    {
      TaskGroup group(on);
      for (int i = 0; i < 10; ++i) group.spawn(sleeper(count, 1ms));
      EXPECT_EQ(count, 0);  // not started yet
      co_await yield();
      co_await yield();
      EXPECT_EQ(count, 10);
    }
    EXPECT_EQ(count, 0);
    EXPECT_TRUE(co_await sleep(3ms));  // their timers would fire now
  }(loop, alive));
}

TYPED_TEST(TaskGroupTest, WhatIsSpawnedAfterCancelEndsAtItsFirstWait) {
  TypeParam loop;
  int alive = 0;
  loop.run([](Loop& on, int& count) -> Task<> {
    TaskGroup group(on);
    group.cancel();
    group.spawn(sleeper(count, 1h));
    co_await group.join();
  }(loop, alive));
}

TYPED_TEST(TaskGroupTest, EndedChildrenAreFreedWhileTheGroupLives) {
  TypeParam loop;
  int frames = 0;
  // The argument lives as long as the frame, not as long as the body.
  struct Held {
    explicit Held(int& n) : count(&n) { ++n; }
    Held(Held&& other) noexcept : count(std::exchange(other.count, nullptr)) {}
    ~Held() {
      if (count) --*count;
    }
    int* count;
  };
  auto child = [](Held) -> Task<> { co_await yield(); };
  loop.run([](Loop& on, int& count, decltype(child) make) -> Task<> {
    TaskGroup group(on);
    int most = 0;
    for (int i = 0; i < 10'000; ++i) {
      group.spawn(make(Held(count)));
      if (i % 10 == 9)
        while (group.size() > 0) co_await yield();
      most = std::max(most, count);
    }
    EXPECT_LT(most, 100);
    while (count > 0) co_await yield();
    co_await group.join();
  }(loop, frames, child));
  EXPECT_EQ(frames, 0);
}

TYPED_TEST(TaskGroupTest, AJoinerThatIsDestroyedLeavesTheGroupUsable) {
  TypeParam loop;
  int alive = 0;
  loop.run([](Loop& on, int& count) -> Task<> {
    TaskGroup outer(on);
    outer.spawn(sleeper(count, 2ms));
    {
      TaskGroup joiners(on);
      joiners.spawn([](TaskGroup& group) -> Task<> { co_await group.join(); }(outer));
      co_await yield();
      co_await yield();
    }
    EXPECT_TRUE(co_await sleep(5ms));
    EXPECT_EQ(count, 0);
    co_await outer.join();
  }(loop, alive));
}

TYPED_TEST(TaskGroupTest, AGroupThatIsDestroyedUnderItsJoinerLeavesTheJoinerAlone) {
  TypeParam loop;
  int alive = 0;
  loop.run([](Loop& on, int& count) -> Task<> {
    TaskGroup joiners(on);
    {
      TaskGroup group(on);
      group.spawn(sleeper(count, 1h));
      joiners.spawn([](TaskGroup& joined) -> Task<> { co_await joined.join(); }(group));
      co_await yield();
      co_await yield();
    }
    co_await yield();
    EXPECT_EQ(joiners.size(), 1U);
  }(loop, alive));
}

Task<> throws_when_cancelled(Code code) {
  if (auto slept = co_await sleep(1h); !slept) throw Error(code, "ended early");
}

TYPED_TEST(TaskGroupTest, AnOwnerThatEndsItsTasksDoesNotGetTheirCancellationAsAFailure) {
  TypeParam loop;
  loop.run([](Loop& on) -> Task<> {
    TaskGroup group(on);
    group.spawn(throws_when_cancelled(Code::cancelled));
    co_await yield();
    group.cancel();
    co_await group.join();
  }(loop));
  auto real = [](Loop& on) -> Task<> {
    TaskGroup group(on);
    group.spawn(throws_when_cancelled(Code::data_loss));
    co_await yield();
    group.cancel();
    co_await group.join();
  };
  EXPECT_THROW(loop.run(real(loop)), Error);
}

TYPED_TEST(TaskGroupTest, ACancellationFromAboveIsAFailureOfTheJoin) {
  TypeParam loop;
  auto parent = [](Loop& on) -> Task<> {
    TaskGroup group(on);
    group.spawn(throws_when_cancelled(Code::cancelled));
    co_await group.join();
  };
  EXPECT_THROW(loop.run(within(1ms, parent(loop))), Error);
}

TYPED_TEST(TaskGroupTest, AShieldedGroupOutlivesTheLoopsCancellation) {
  TypeParam loop;
  int alive = 0;
  auto cleanup = [](int& count) -> Task<> {
    TaskGroup group(co_await current_scope());
    group.spawn([](int& n) -> Task<> {
      Counted here(n);
      EXPECT_TRUE(co_await sleep(1ms));
    }(count));
    co_await group.join();
  };
  loop.cancel();
  loop.run([](int& count, decltype(cleanup) make) -> Task<> {
    EXPECT_FALSE(co_await sleep(1h));
    co_await shielded(1s, make(count));
  }(alive, cleanup));
}

}  // namespace
}  // namespace nuri::async

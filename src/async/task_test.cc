#include "async/task.h"

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "async/deadline.h"
#include "async/descriptor.h"
#include "async/event.h"
#include "async/test_loops.h"
#include "async/test_sockets.h"

namespace nuri::async {
namespace {

Task<int> note(std::vector<int>& trace, int n) {
  trace.push_back(n);
  co_return n;
}

ON_EACH_LOOP(TaskTest);

TYPED_TEST(TaskTest, RunsNothingUntilItIsAwaited) {
  TypeParam loop;
  std::vector<int> trace;
  loop.run([](std::vector<int>& seen) -> Task<> {
    Task<int> first = note(seen, 1);
    Task<int> never = note(seen, 2);
    EXPECT_TRUE(seen.empty());
    EXPECT_EQ(co_await std::move(first), 1);
  }(trace));
  EXPECT_EQ(trace, std::vector{1});
}

TYPED_TEST(TaskTest, PassesExceptionsToItsAwaiter) {
  TypeParam loop;
  auto fails = []() -> Task<int> {
    co_await yield();
    throw std::runtime_error("broken");
  };
  auto sees = [](Task<int> task) -> Task<std::string> {
    std::string what;
    try {
      co_await std::move(task);
    } catch (const std::runtime_error& e) {
      what = e.what();
    }
    co_return what;
  };
  EXPECT_EQ(loop.run(sees(fails())), "broken");
  EXPECT_THROW(loop.run(fails()), std::runtime_error);
}

TYPED_TEST(TaskTest, ReturnsWhatCanOnlyBeMoved) {
  TypeParam loop;
  auto made =
      loop.run([]() -> Task<std::unique_ptr<int>> { co_return std::make_unique<int>(7); }());
  EXPECT_EQ(*made, 7);
}

Task<> await_twice() {
  Task<> once = []() -> Task<> { co_return; }();
  auto handle = once.handle();
  co_await std::move(once);
  co_await Task<>(handle);
}

ON_EACH_LOOP(TaskDeathTest);

TYPED_TEST(TaskDeathTest, HasOneAwaiter) {
  EXPECT_DEATH(
      {
        TypeParam loop;
        loop.run(await_twice());
      },
      "promise\\(\\).scope");
}

Task<long> deep(long depth, Event& event) {
  if (depth == 0) {
    EXPECT_TRUE(co_await event.wait());
    co_return 0;
  }
  co_return 1 + co_await deep(depth - 1, event);
}

TYPED_TEST(TaskTest, AMillionNestedTasksStartAndEndWithoutStack) {
  TypeParam loop;
  Event event;
  loop.post([&] { event.set(); });
  EXPECT_EQ(loop.run(deep(1'000'000, event)), 1'000'000);
}

TYPED_TEST(TaskTest, AMillionTasksThatEndAtOnceUseNoStack) {
  TypeParam loop;
  auto sum = [](long count) -> Task<long> {
    long total = 0;
    for (long i = 0; i < count; ++i) total += co_await []() -> Task<int> { co_return 1; }();
    co_return total;
  };
  EXPECT_EQ(loop.run(sum(1'000'000)), 1'000'000);
}

struct Counted {
  explicit Counted(int& n) : count(n) { ++count; }
  ~Counted() { --count; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  int& count;
};

Task<> hold(int& count, int depth) {
  Counted here(count);
  if (depth > 0)
    co_await hold(count, depth - 1);
  else
    co_await sleep(1h);
}

TYPED_TEST(TaskTest, DestroyingAFrameDestroysTheFramesItAwaits) {
  TypeParam loop;
  int count = 0;
  Event event;
  auto outer = [](int& n) -> Task<> {
    Task<> held = hold(n, 10);
    co_await within(1ms, std::move(held));
  };
  loop.run(outer(count));
  EXPECT_EQ(count, 0);
  {
    Task<> never_started = hold(count, 10);
    EXPECT_EQ(count, 0);
  }
  EXPECT_EQ(count, 0);
}

TYPED_TEST(TaskTest, ADescriptorPassedByValueIsGoneWhenRunReturns) {
  TypeParam loop;
  Pair pair = socket_pair();
  auto takes = [](Descriptor, Descriptor) -> Task<int> { co_return 3; };
  EXPECT_EQ(
      loop.run(takes(Descriptor(loop, std::move(pair.a)), Descriptor(loop, std::move(pair.b)))), 3);
  EXPECT_EQ(loop.slots(), 0U);
}

TYPED_TEST(TaskTest, AnExceptionOutOfRunLeavesNoDescriptorBehind) {
  TypeParam loop;
  Pair pair = socket_pair();
  auto throws = [](Descriptor) -> Task<> {
    co_await yield();
    throw std::runtime_error("no");
  };
  EXPECT_THROW(loop.run(throws(Descriptor(loop, std::move(pair.a)))), std::runtime_error);
  EXPECT_EQ(loop.slots(), 0U);
}

ON_EACH_LOOP(LoopDeathTest);

TYPED_TEST(LoopDeathTest, EndsOnlyWithoutDescriptors) {
  EXPECT_DEATH(
      {
        TypeParam loop;
        Descriptor kept(loop, socket_pair().a);
        loop.run([]() -> Task<> { co_return; }());
      },
      "slots\\(\\) == 0");
  EXPECT_DEATH(
      {
        auto loop = std::make_unique<TypeParam>();
        Descriptor kept(*loop, socket_pair().a);
        loop.reset();
      },
      "open_ == 0");
}

TYPED_TEST(LoopDeathTest, NoChunkOutlivesItsLoop) {
  EXPECT_DEATH(
      {
        auto loop = std::make_unique<TypeParam>();
        Chunk kept = loop->run([](Loop& on) -> Task<Chunk> {
          Pair pair = socket_pair();
          EXPECT_EQ(::write(pair.b.get(), "x", 1), 1);
          Descriptor from(on, std::move(pair.a));
          co_return std::move(*co_await from.recv());
        }(*loop));
        loop.reset();
      },
      "free_buffers_");
}

ON_EACH_LOOP(LoopTest);

TYPED_TEST(LoopTest, CancelEndsEveryWaitNowAndLater) {
  TypeParam loop;
  auto waits = [](Loop& on) -> Task<int> {
    int ended = 0;
    for (int i = 0; i < 3; ++i) {
      auto slept = co_await sleep(1h);
      if (!slept && slept.error() == IoError::cancelled) ++ended;
      EXPECT_EQ(&on, &(co_await current_scope()).loop());
    }
    co_return ended;
  };
  loop.post([&] { loop.cancel(); });
  EXPECT_EQ(loop.run(waits(loop)), 3);
}

}  // namespace
}  // namespace nuri::async

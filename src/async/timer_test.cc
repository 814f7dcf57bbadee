#include "async/timer.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <vector>

#include "async/deadline.h"
#include "async/test_loops.h"
#include "base/random.h"

namespace nuri::async {
namespace {

struct Noting final : Timer {
  Noting(int n, std::vector<int>& to) : number(n), fired(to) {}
  int number;
  std::vector<int>& fired;

 private:
  void on_timer() override { fired.push_back(number); }
};

// The heap against the same operations on a std::multimap, whose equal keys keep their order too.
class HeapAgainstMap {
 public:
  explicit HeapAgainstMap(std::uint64_t seed) : random_(seed) {
    for (int i = 0; i < kTimers; ++i) timers_.push_back(std::make_unique<Noting>(i, fired_));
    places_.resize(kTimers, model_.end());
  }
  void step() {
    const auto n = random_.below(kTimers);
    switch (random_.below(4)) {
      case 0:
        timers_[n]->disarm();
        drop(n);
        break;
      case 1:
        now_ = now_ + Duration(random_.below(20));
        fire();
        break;
      default: {
        const Time when = now_ + Duration(random_.below(100));
        heap_.arm(*timers_[n], when);
        drop(n);
        places_[n] = model_.emplace(when.ns, static_cast<int>(n));
      }
    }
    ASSERT_EQ(heap_.empty(), model_.empty());
    ASSERT_EQ(heap_.next().ns, model_.empty() ? kNever.ns : model_.begin()->first);
    ASSERT_EQ(timers_[n]->armed(), places_[n] != model_.end());
  }

 private:
  static constexpr int kTimers = 60;
  void drop(std::size_t n) {
    if (places_[n] != model_.end()) model_.erase(places_[n]);
    places_[n] = model_.end();
  }
  void fire() {
    std::vector<int> expected;
    while (!model_.empty() && model_.begin()->first <= now_.ns) {
      expected.push_back(model_.begin()->second);
      drop(static_cast<std::size_t>(expected.back()));
    }
    fired_.clear();
    while (heap_.fire_one(now_)) {
    }
    ASSERT_EQ(fired_, expected);
  }

  SeededRandom random_;
  Time now_{1000};
  TimerHeap heap_;
  std::vector<int> fired_;
  std::vector<std::unique_ptr<Noting>> timers_;
  std::multimap<std::int64_t, int> model_;
  std::vector<std::multimap<std::int64_t, int>::iterator> places_;
};

TEST(TimerHeapTest, DoesWhatAMultimapDoes) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    HeapAgainstMap both(seed);
    for (int i = 0; i < 500; ++i) ASSERT_NO_FATAL_FAILURE(both.step());
  }
}

TEST(TimerHeapTest, AHeapThatGoesFirstDisarmsItsTimers) {
  std::vector<int> fired;
  Noting timer(1, fired);
  {
    TimerHeap heap;
    heap.arm(timer, Time{5});
  }
  EXPECT_FALSE(timer.armed());
}

struct Again final : Timer {
  explicit Again(Loop& on) : loop(on) {}
  Loop& loop;
  int fired = 0;

 private:
  void on_timer() override {
    if (++fired < 100) loop.arm(*this, Duration(0));
  }
};

ON_EACH_LOOP(TimerTest);

TYPED_TEST(TimerTest, ATimerThatArmsItselfForNowLetsTheLoopTurn) {
  TypeParam loop;
  Again again(loop);
  loop.arm(again, Duration(0));
  auto other = [](Again& timer) -> Task<int> {
    while (timer.fired < 100) co_await yield();
    co_return timer.fired;
  };
  EXPECT_EQ(loop.run(other(again)), 100);
}

TYPED_TEST(TimerTest, NeverIsNotAnOverflow) {
  TypeParam loop;
  auto waits = []() -> Task<IoResult<void>> {
    co_return co_await within(
        1ms, []() -> Task<IoResult<void>> { co_return co_await sleep(Duration::max()); }());
  };
  EXPECT_EQ(loop.run(waits()).error(), IoError::timed_out);
}

TYPED_TEST(TimerTest, ATaskThatComputedForLongStillGetsItsWholeTime) {
  TypeParam loop;
  auto computes = [](Loop& on) -> Task<Duration> {
    const SystemClock clock;
    const Time start = clock.now();
    while (clock.now() - start < 30ms) {
    }
    const Time before = clock.now();
    on.post([] {});  // something that ends the loop's wait at once
    EXPECT_TRUE(co_await sleep(20ms));
    co_return clock.now() - before;
  };
  EXPECT_GE(loop.run(computes(loop)), 20ms);
}

}  // namespace
}  // namespace nuri::async

#include "async/blocking_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <semaphore>
#include <thread>

#include "async/deadline.h"
#include "async/task_group.h"
#include "async/test_loops.h"
#include "base/error.h"

namespace nuri::async {
namespace {

ON_EACH_LOOP(ThreadPoolTest);

TYPED_TEST(ThreadPoolTest, ReturnsWhatAJobMadeOrThrew) {
  TypeParam loop;
  ThreadPool pool(2, 100);
  loop.run([](BlockingPool& jobs) -> Task<> {
    const auto here = std::this_thread::get_id();
    EXPECT_TRUE(co_await jobs.run([here] { return std::this_thread::get_id() != here; }));
    EXPECT_EQ(*co_await jobs.run([] { return std::make_unique<int>(5); }), 5);
    bool thrown = false;
    try {
      co_await jobs.run([] { throw Error(Code::conflict, "no"); });
    } catch (const Error& e) {
      thrown = e.code() == Code::conflict;
    }
    EXPECT_TRUE(thrown);
  }(pool));
}

TYPED_TEST(ThreadPoolTest, ManyJobsFromTwoLoops) {
  ThreadPool pool(3, 10'000);
  auto work = [](BlockingPool& jobs) -> Task<long> {
    long sum = 0;
    for (int i = 0; i < 500; ++i) sum += co_await jobs.run([i] { return i; });
    co_return sum;
  };
  long other = 0;
  std::thread thread([&] {
    TypeParam loop;
    other = loop.run(work(pool));
  });
  TypeParam loop;
  EXPECT_EQ(loop.run(work(pool)), 124'750);
  thread.join();
  EXPECT_EQ(other, 124'750);
}

TYPED_TEST(ThreadPoolTest, AFullQueueIsAnError) {
  TypeParam loop;
  auto pool = std::make_unique<ThreadPool>(1, 2);
  auto gate = std::make_shared<std::binary_semaphore>(0);
  auto begun = std::make_shared<std::binary_semaphore>(0);
  loop.run([](Loop& on, BlockingPool& jobs, std::shared_ptr<std::binary_semaphore> hold,
              std::shared_ptr<std::binary_semaphore> started) -> Task<> {
    TaskGroup group(on);
    group.spawn([](BlockingPool& p, auto h, auto s) -> Task<> {
      co_await p.run([h, s] {
        s->release();
        h->acquire();
      });
    }(jobs, hold, started));
    co_await yield();
    co_await yield();
    started->acquire();
    for (int i = 0; i < 2; ++i)
      group.spawn([](BlockingPool& p) -> Task<> { co_await p.run([] {}); }(jobs));
    co_await yield();
    co_await yield();
    Code code = Code::internal;
    try {
      co_await jobs.run([] {});
    } catch (const Error& e) {
      code = e.code();
    }
    EXPECT_EQ(code, Code::too_many);
    hold->release();
    co_await group.join();
  }(loop, *pool, gate, begun));
}

TYPED_TEST(ThreadPoolTest, AnAwaiterMayLeaveAndTheJobStillEnds) {
  TypeParam loop;
  auto gate = std::make_shared<std::binary_semaphore>(0);
  auto begun = std::make_shared<std::binary_semaphore>(0);
  auto finished = std::make_shared<std::atomic<bool>>(false);
  {
    ThreadPool pool(1, 10);
    auto waits = [](BlockingPool& p, auto hold, auto started, auto ended) -> Task<Code> {
      try {
        co_await p.run([hold, started, ended] {
          started->release();
          hold->acquire();
          *ended = true;
        });
      } catch (const Error& e) {
        co_return e.code();
      }
      co_return Code::internal;
    };
    EXPECT_EQ(loop.run(within(1ms, waits(pool, gate, begun, finished))), Code::timeout);
    begun->acquire();
    EXPECT_FALSE(*finished);
    gate->release();
  }  // waits for the job
  EXPECT_TRUE(*finished);
}

TYPED_TEST(ThreadPoolTest, ACancelledTaskStartsNoJob) {
  TypeParam loop;
  ThreadPool pool(1, 10);
  auto ran = std::make_shared<std::atomic<bool>>(false);
  auto late = [](BlockingPool& p, std::shared_ptr<std::atomic<bool>> flag) -> Task<> {
    (void)co_await sleep(1h);
    co_await p.run([flag] { *flag = true; });
  };
  EXPECT_THROW(loop.run(within(1ms, late(pool, ran))), Error);
  EXPECT_FALSE(*ran);
}

TYPED_TEST(ThreadPoolTest, DestroyedWithJobsThatNobodyBeganItDropsThem) {
  TypeParam loop;
  auto gate = std::make_shared<std::binary_semaphore>(0);
  auto held = std::make_shared<int>(0);
  {
    ThreadPool pool(1, 10);
    pool.submit(loop, [gate] { gate->acquire(); }, [] {});
    for (int i = 0; i < 5; ++i) pool.submit(loop, [held] {}, [held] {});
    gate->release();
  }
  loop.run([]() -> Task<> { co_await yield(); }());
  EXPECT_EQ(held.use_count(), 1);
}

}  // namespace
}  // namespace nuri::async

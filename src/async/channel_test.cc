#include "async/channel.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>
#include <vector>

#include "async/deadline.h"
#include "async/task_group.h"
#include "async/test_loops.h"

namespace nuri::async {
namespace {

ON_EACH_LOOP(EventTest);

TYPED_TEST(EventTest, WakesAllWhoWaitAndStaysSet) {
  TypeParam loop;
  loop.run([](Loop& on) -> Task<> {
    Event event;
    int woken = 0;
    auto waits = [](Event& e, int& n) -> Task<> {
      EXPECT_TRUE(co_await e.wait());
      ++n;
    };
    TaskGroup group(on);
    for (int i = 0; i < 5; ++i) group.spawn(waits(event, woken));
    co_await yield();
    EXPECT_EQ(woken, 0);
    event.set();
    co_await group.join();
    EXPECT_EQ(woken, 5);
    EXPECT_TRUE(co_await event.wait());
    event.clear();
    EXPECT_FALSE(event.is_set());
  }(loop));
}

Task<> produce(Channel<int>& channel, int count) {
  for (int i = 0; i < count; ++i) EXPECT_TRUE(co_await channel.send(i));
  channel.close();
  EXPECT_EQ((co_await channel.send(0)).error(), IoError::end);
}

ON_EACH_LOOP(ChannelTest);

TYPED_TEST(ChannelTest, KeepsTheOrderAndTheLimitAndEnds) {
  TypeParam loop;
  loop.run([](Loop& on) -> Task<> {
    Channel<int> channel(3);
    TaskGroup group(on);
    group.spawn(produce(channel, 1000));
    std::size_t most = 0;
    for (int expected = 0;; ++expected) {
      most = std::max(most, channel.size());
      auto value = co_await channel.receive();
      if (!value) {
        EXPECT_EQ(value.error(), IoError::end);
        EXPECT_EQ(expected, 1000);
        break;
      }
      EXPECT_EQ(*value, expected);
    }
    EXPECT_LE(most, 3U);
    co_await group.join();
  }(loop));
}

TYPED_TEST(ChannelTest, ATrySendIntoAFullChannelSaysSo) {
  Channel<std::unique_ptr<int>> channel(1);
  EXPECT_TRUE(channel.try_send(std::make_unique<int>(1)));
  EXPECT_FALSE(channel.try_send(std::make_unique<int>(2)));
  EXPECT_EQ(**channel.try_receive(), 1);
  EXPECT_FALSE(channel.try_receive());
  channel.close();
  EXPECT_FALSE(channel.try_send(nullptr));
}

TYPED_TEST(ChannelTest, ALoopThatAlwaysHasWorkEndsWhenItIsCancelled) {
  TypeParam loop;
  auto busy = [](Channel<int>& channel) -> Task<int> {
    for (int turns = 0;; ++turns) {
      if (!co_await channel.send(turns)) co_return turns;
      if (!co_await channel.receive()) co_return turns;
      if (turns % 100 == 99) co_await yield();
    }
  };
  Channel<int> channel(10);
  EXPECT_GT(loop.run(within(2ms, busy(channel))), 0);
}

ON_EACH_LOOP(MailboxTest);

TYPED_TEST(MailboxTest, TakesFromSeveralThreadsWithoutLoss) {
  constexpr int kThreads = 4, kEach = 2000;
  TypeParam loop;
  Mailbox<std::pair<int, int>> mailbox(loop, kThreads * kEach);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([sender = mailbox.sender(), t] {
      for (int i = 0; i < kEach; ++i) sender.send({t, i});
    });
  loop.run([](Mailbox<std::pair<int, int>>& box) -> Task<> {
    std::vector<int> next(kThreads, 0);
    for (int i = 0; i < kThreads * kEach; ++i) {
      auto got = co_await box.receive();
      EXPECT_TRUE(got);
      if (!got) co_return;
      EXPECT_EQ(got->second, next[static_cast<std::size_t>(got->first)]++);
    }
  }(mailbox));
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(mailbox.dropped(), 0U);
}

TYPED_TEST(MailboxTest, CountsWhatItDropsAndIsBoundedWhileTheLoopIsBusy) {
  TypeParam loop;
  Mailbox<int> mailbox(loop, 10);
  const auto sender = mailbox.sender();
  for (int i = 0; i < 100; ++i) sender.send(i);
  EXPECT_EQ(mailbox.dropped(), 90U);
  loop.run([](Mailbox<int>& box) -> Task<> {
    for (int i = 0; i < 10; ++i) EXPECT_EQ((co_await box.receive()).value_or(-1), i);
  }(mailbox));
}

TYPED_TEST(MailboxTest, ASenderMayOutliveIt) {
  TypeParam loop;
  auto mailbox = std::make_unique<Mailbox<int>>(loop, 10);
  const auto sender = mailbox->sender();
  sender.send(1);
  mailbox.reset();
  sender.send(2);
  loop.run([]() -> Task<> { co_await yield(); }());
}

}  // namespace
}  // namespace nuri::async

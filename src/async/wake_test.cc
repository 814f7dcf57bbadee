// Who is woken, by what, and in which turn.

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <semaphore>

#include "async/blocking_pool.h"
#include "async/channel.h"
#include "async/deadline.h"
#include "async/descriptor.h"
#include "async/epoll_loop.h"
#include "async/simulated_loop.h"
#include "async/task_group.h"
#include "async/test_sockets.h"

namespace nuri::async {
namespace {

// IoError::other if there was none.
template <class T>
IoError error_in(const IoResult<T>& result) {
  return result ? IoError::other : result.error();
}

TEST(WakeTest, TwoSendersAndTwoReceiversShareOneRoomWithoutLoss) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    SimulatedLoop loop(seed);
    loop.run([](Loop& on) -> Task<> {
      Channel<int> channel(1);
      int sum = 0;
      auto sends = [](Channel<int>& to, int first) -> Task<> {
        for (int i = 0; i < 50; ++i) EXPECT_TRUE(co_await to.send(first + i));
      };
      auto receives = [](Channel<int>& from, int& total) -> Task<> {
        for (int i = 0; i < 50; ++i) total += (co_await from.receive()).value_or(-100'000);
      };
      TaskGroup group(on);
      group.spawn(sends(channel, 0));
      group.spawn(sends(channel, 50));
      group.spawn(receives(channel, sum));
      group.spawn(receives(channel, sum));
      co_await group.join();
      EXPECT_EQ(sum, 99 * 50);
    }(loop));
  }
}

TEST(WakeTest, CloseEndsWhoWaitsOnEitherSide) {
  SimulatedLoop loop(1);
  loop.run([](Loop& on) -> Task<> {
    Channel<int> full(1), empty(1);
    EXPECT_TRUE(full.try_send(1));
    IoError sender = IoError::other, receiver = IoError::other;
    TaskGroup group(on);
    group.spawn([](Channel<int>& to, IoError& why) -> Task<> {
      why = error_in(co_await to.send(2));
    }(full, sender));
    group.spawn([](Channel<int>& from, IoError& why) -> Task<> {
      why = error_in(co_await from.receive());
    }(empty, receiver));
    co_await sleep(1ms);
    full.close();
    empty.close();
    co_await group.join();
    EXPECT_EQ(sender, IoError::end);
    EXPECT_EQ(receiver, IoError::end);
    EXPECT_EQ((co_await full.receive()).value_or(0), 1);  // what was sent before is not lost
  }(loop));
}

TEST(WakeTest, AMailboxThatIsEmptiedHasRoomAgain) {
  EpollLoop loop;
  Mailbox<int> mailbox(loop, 2);
  loop.run([](Mailbox<int>& box) -> Task<> {
    const auto sender = box.sender();
    for (int i = 0; i < 10; ++i) {
      sender.send(i);
      EXPECT_TRUE(co_await sleep(Duration(1)));
      EXPECT_EQ(box.try_receive(), i);
    }
  }(mailbox));
  EXPECT_EQ(mailbox.dropped(), 0U);
}

TEST(WakeTest, AMailboxThatIsGoneKeepsNothing) {
  EpollLoop loop;
  auto mailbox = std::make_unique<Mailbox<std::shared_ptr<int>>>(loop, 2);
  const auto sender = mailbox->sender();
  mailbox.reset();
  const auto value = std::make_shared<int>(1);
  sender.send(value);
  loop.run([]() -> Task<> { co_await yield(); }());
  EXPECT_EQ(value.use_count(), 1);
}

TEST(WakeTest, TwoThatWakeEachOtherForeverLetTimersFire) {
  EpollLoop loop;
  loop.run([](Loop& on) -> Task<> {
    Event ping, pong;
    bool fired = false;
    int rounds = 0;
    auto plays = [](Event& mine, Event& other, bool& end, int& count) -> Task<> {
      while (!end && ++count < 1'000'000) {
        other.set();
        co_await mine.wait();
        mine.clear();
      }
      end = true;
      other.set();
    };
    TaskGroup group(on);
    group.spawn(plays(ping, pong, fired, rounds));
    group.spawn(plays(pong, ping, fired, rounds));
    EXPECT_TRUE(co_await sleep(Duration(1)));
    EXPECT_FALSE(fired);
    fired = true;
    co_await group.join();
  }(loop));
}

TEST(WakeTest, APipesOtherEndThatClosesWakesReaderAndWriter) {
  EpollLoop loop;
  loop.run([](Loop& on) -> Task<> {
    Pair in = pipe_pair(), out = pipe_pair();
    Descriptor reader(on, std::move(in.a)), writer(on, std::move(out.b));
    const std::string much(1 << 20, 'x');
    auto reads = [](Descriptor& from) -> Task<IoResult<Chunk>> { co_return co_await from.recv(); };
    auto writes = [](Descriptor& to, const std::string& bytes) -> Task<IoResult<void>> {
      co_return co_await to.send(bytes);
    };
    TaskGroup group(on);
    bool ended = false, broken = false;
    group.spawn([](auto task, bool& seen) -> Task<> {
      auto chunk = co_await within(5s, std::move(task));
      seen = chunk && chunk->empty();
    }(reads(reader), ended));
    group.spawn([](auto task, bool& seen) -> Task<> {
      auto sent = co_await within(5s, std::move(task));
      seen = !sent && sent.error() == IoError::reset;
    }(writes(writer, much), broken));
    co_await sleep(1ms);
    in.b.reset();
    out.a.reset();
    co_await group.join();
    EXPECT_TRUE(ended);
    EXPECT_TRUE(broken);
  }(loop));
}

TEST(WakeTest, ASlotForgetsWhatItsPredecessorWas) {
  EpollLoop loop;
  loop.run([](Loop& on) -> Task<> {
    {
      Pair stream = socket_pair();
      Descriptor a(on, std::move(stream.a));
      EXPECT_EQ(::write(stream.b.get(), "x", 1), 1);
      EXPECT_EQ((co_await a.recv())->size(), 1U);
    }
    Pair packets = socket_pair(SOCK_DGRAM);
    EXPECT_EQ(::write(packets.b.get(), "one", 3), 3);
    EXPECT_EQ(::write(packets.b.get(), "two", 3), 3);
    Descriptor b(on, std::move(packets.a));
    EXPECT_TRUE(co_await sleep(1ms));  // the loop has seen both: no further event comes
    auto next = [](Descriptor& d) -> Task<std::string> {
      auto chunk = co_await d.recv();
      co_return chunk ? std::string(chunk->view()) : "nothing";
    };
    EXPECT_EQ(co_await within(5s, next(b)), "one");
    EXPECT_EQ(co_await within(5s, next(b)), "two");
  }(loop));
}

TEST(WakeTest, AConnectThatBreaksWhileItWaitsIsNoSuccess) {
  EpollLoop loop;
  loop.run([](Loop& on) -> Task<> {
    sockaddr_in address;
    const Fd listener = tcp_listener(address, 0);
    auto connect = [](Descriptor& d, const sockaddr_in& to) -> Task<IoResult<void>> {
      co_return co_await d.connect(reinterpret_cast<const sockaddr*>(&to), sizeof to);
    };
    // The backlog is full after one or two: the next connect waits.
    std::vector<Descriptor> sockets;
    for (int i = 0; i < 10; ++i) {
      sockets.emplace_back(on, tcp_socket());
      if (co_await within(20ms, connect(sockets.back(), address))) continue;
      Descriptor waits(on, tcp_socket());
      IoError why = IoError::other;
      TaskGroup group(on);
      group.spawn([](Task<IoResult<void>> task, IoError& error) -> Task<> {
        error = error_in(co_await within(5s, std::move(task)));
      }(connect(waits, address), why));
      co_await sleep(1ms);
      ::shutdown(waits.native(), SHUT_RDWR);
      co_await group.join();
      EXPECT_EQ(why, IoError::reset);
      co_return;
    }
    ADD_FAILURE() << "the backlog never filled";
  }(loop));
}

// Says, when it is destroyed, whether somebody was told by then that the job is done.
struct Captured {
  std::shared_ptr<std::binary_semaphore> told;
  std::shared_ptr<std::atomic<bool>> late;
  ~Captured() { *late = told->try_acquire_for(std::chrono::milliseconds(50)); }
};

TEST(WakeTest, WhatAJobCapturedIsGoneBeforeAnybodyLearnsOfItsEnd) {
  EpollLoop loop;
  auto pool = std::make_unique<ThreadPool>(1, 1);
  auto told = std::make_shared<std::binary_semaphore>(0);
  auto late = std::make_shared<std::atomic<bool>>(false);
  loop.run([](Loop& on, BlockingPool& jobs, auto semaphore, auto flag) -> Task<> {
    Event done;
    jobs.submit(
        on, [captured = std::make_unique<Captured>(semaphore, flag)] {},
        [semaphore, &done] {
          semaphore->release();
          done.set();
        });
    EXPECT_TRUE(co_await done.wait());
  }(loop, *pool, told, late));
  pool.reset();
  EXPECT_FALSE(*late);
}

}  // namespace
}  // namespace nuri::async

// Frames that are destroyed in the middle of a wait: nothing of them may be touched again. What
// these tests check is mostly seen by AddressSanitizer.

#include <gtest/gtest.h>

#include <memory>

#include "async/blocking_pool.h"
#include "async/channel.h"
#include "async/child.h"
#include "async/deadline.h"
#include "async/task_group.h"
#include "async/test_loops.h"
#include "async/test_sockets.h"

namespace nuri::async {
namespace {

struct World {
  explicit World(Loop& on) : loop(on), mailbox(on, 10) {
    Pair pair = socket_pair();
    reader = Descriptor(on, std::move(pair.a));
    peer = std::move(pair.b);
    Pair packets = socket_pair(SOCK_SEQPACKET);
    packet_reader = Descriptor(on, std::move(packets.a));
    packet_peer = std::move(packets.b);
    listener = Descriptor(on, tcp_listener(address));
  }
  Loop& loop;
  Event event;
  Channel<int> channel{1};
  Mailbox<int> mailbox;
  Descriptor reader, packet_reader, listener;
  Fd peer, packet_peer;
  sockaddr_in address;
};

Task<> wait_recv(World& w) {
  (void)co_await w.reader.recv();
  ADD_FAILURE();
}
Task<> wait_writable(World& w) {
  std::string big(8 << 20, 'x');
  (void)co_await w.reader.send(big);
  ADD_FAILURE();
}
Task<> wait_packet(World& w) {
  std::array<char, 64> space;
  (void)co_await w.packet_reader.recv_packet(space);
  ADD_FAILURE();
}
Task<> wait_accept(World& w) {
  (void)co_await w.listener.accept();
  ADD_FAILURE();
}
Task<> wait_event(World& w) {
  (void)co_await w.event.wait();
  ADD_FAILURE();
}
Task<> wait_channel(World& w) {
  (void)co_await w.channel.receive();
  ADD_FAILURE();
}
Task<> wait_mailbox(World& w) {
  (void)co_await w.mailbox.receive();
  ADD_FAILURE();
}
Task<> wait_sleep(World&) {
  (void)co_await within(1ms, []() -> Task<> { (void)co_await sleep(2ms); }());
  ADD_FAILURE();
}
Task<> wait_join(World& w) {
  TaskGroup group(w.loop);
  group.spawn(wait_sleep(w));
  co_await group.join();
  ADD_FAILURE();
}

// Everything that these waits were for.
void happen(World& w) {
  EXPECT_EQ(::write(w.peer.get(), "x", 1), 1);
  EXPECT_EQ(::write(w.packet_peer.get(), "x", 1), 1);
  std::array<char, 65536> sink;
  while (::recv(w.peer.get(), sink.data(), sink.size(), MSG_DONTWAIT) > 0) {
  }
  const Fd client = tcp_socket();
  (void)::connect(client.get(), reinterpret_cast<sockaddr*>(&w.address), sizeof w.address);
  w.event.pulse();
  (void)w.channel.try_send(1);
  w.mailbox.sender().send(1);
}

using Waits = Task<> (*)(World&);
constexpr Waits kWaits[] = {wait_recv,    wait_writable, wait_packet, wait_accept, wait_event,
                            wait_channel, wait_mailbox,  wait_sleep,  wait_join};

ON_EACH_LOOP(FrameTest);

TYPED_TEST(FrameTest, DestroyedInTheMiddleOfAWaitItIsNotTouchedAgain) {
  TypeParam loop;
  loop.run([](Loop& on) -> Task<> {
    World world(on);
    {
      TaskGroup group(on);
      for (const Waits wait : kWaits) group.spawn(wait(world));
      for (int i = 0; i < 5; ++i) co_await yield();
    }
    happen(world);
    EXPECT_TRUE(co_await sleep(5ms));
  }(loop));
}

TYPED_TEST(FrameTest, DestroyedAfterItWasWokenItIsNotResumed) {
  TypeParam loop;
  loop.run([](Loop& on) -> Task<> {
    World world(on);
    {
      TaskGroup group(on);
      group.spawn(wait_event(world));
      group.spawn(wait_channel(world));
      co_await yield();
      co_await yield();
      happen(world);  // they are ready now, and never run
    }
    EXPECT_TRUE(co_await sleep(1ms));
  }(loop));
}

TYPED_TEST(FrameTest, AnExceptionUnwindsAFrameAtOnceAndTheDescriptorLivesOn) {
  TypeParam loop;
  loop.run([](Loop& on) -> Task<> {
    World world(on);
    auto fails = [](World& w) -> Task<> {
      TaskGroup group(w.loop);
      group.spawn(wait_recv(w));
      co_await yield();
      throw std::runtime_error("unwinds");
    };
    bool thrown = false;
    try {
      co_await fails(world);
    } catch (const std::runtime_error&) {
      thrown = true;
    }
    EXPECT_TRUE(thrown);
    EXPECT_EQ(::write(world.peer.get(), "x", 1), 1);
    EXPECT_EQ((co_await world.reader.recv())->view(), "x");
  }(loop));
}

TYPED_TEST(FrameTest, AReusedSlotSeesNothingOfItsPredecessor) {
  TypeParam loop;
  loop.run([](Loop& on) -> Task<> {
    for (int i = 0; i < 1000; ++i) {
      Pair first = socket_pair(), second = socket_pair();
      // A copy of the descriptor keeps the first socket alive, full of events, after its release.
      const Fd copy(fcntl(first.a.get(), F_DUPFD_CLOEXEC, 0));
      Descriptor a(on, std::move(first.a));
      EXPECT_EQ(::write(first.b.get(), "old", 3), 3);
      first.b.reset();
      a.close();
      Descriptor b(on, std::move(second.a));
      auto nothing = [](Descriptor& d) -> Task<IoResult<Chunk>> { co_return co_await d.recv(); };
      if (i < 5) EXPECT_FALSE(co_await within(Duration(100'000), nothing(b)));
      EXPECT_EQ(::write(second.b.get(), "new", 3), 3);
      EXPECT_EQ((co_await b.recv())->view(), "new");
    }
    EXPECT_EQ(on.slots(), 0U);
  }(loop));
}

TYPED_TEST(FrameTest, AJobWhoseAwaiterIsGoneEndsInPeace) {
  TypeParam loop;
  ThreadPool pool(2, 100);
  loop.run([](Loop& on, BlockingPool& jobs) -> Task<> {
    auto ran = std::make_shared<std::atomic<int>>(0);
    {
      TaskGroup group(on);
      for (int i = 0; i < 20; ++i)
        group.spawn([](BlockingPool& p, std::shared_ptr<std::atomic<int>> count) -> Task<> {
          co_await p.run([count] { ++*count; });
        }(jobs, ran));
      co_await yield();
      co_await yield();
    }
    while (*ran < 20) co_await sleep(Duration(100'000));
  }(loop, pool));
}

}  // namespace
}  // namespace nuri::async

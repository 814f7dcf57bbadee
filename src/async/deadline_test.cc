#include "async/deadline.h"

#include <gtest/gtest.h>

#include <atomic>
#include <semaphore>
#include <thread>

#include "async/blocking_pool.h"
#include "async/channel.h"
#include "async/child.h"
#include "async/task_group.h"
#include "async/test_loops.h"
#include "async/test_sockets.h"

namespace nuri::async {
namespace {

Task<IoResult<void>> forever() { co_return co_await sleep(1h); }

ON_EACH_LOOP(DeadlineTest);

TYPED_TEST(DeadlineTest, TheInnerEndsFirstWhenItIsShorter) {
  SimulatedLoop loop(1);
  loop.run([](Loop& on) -> Task<> {
    const Time start = on.now();
    auto inner = []() -> Task<IoResult<void>> {
      EXPECT_EQ((co_await within(10ms, forever())).error(), IoError::timed_out);
      co_return co_await sleep(10ms);  // the outer still has time
    };
    EXPECT_TRUE(co_await within(50ms, inner()));
    EXPECT_EQ(on.now() - start, 20ms);
  }(loop));
}

TYPED_TEST(DeadlineTest, TheOuterEndsAllWhenItIsShorter) {
  SimulatedLoop loop(1);
  loop.run([](Loop& on) -> Task<> {
    const Time start = on.now();
    auto inner = []() -> Task<IoResult<void>> {
      auto result = co_await within(50ms, forever());
      EXPECT_EQ(result.error(), IoError::timed_out);
      EXPECT_EQ((co_await sleep(1h)).error(), IoError::timed_out);  // sticky
      co_return result;
    };
    EXPECT_FALSE(co_await within(10ms, inner()));
    EXPECT_EQ(on.now() - start, 10ms);
    EXPECT_TRUE(co_await sleep(1ms));  // outside, nothing is cancelled
  }(loop));
}

TYPED_TEST(DeadlineTest, CanBeMovedAndLifted) {
  SimulatedLoop loop(1);
  loop.run([]() -> Task<> {
    DeadlineScope scope(co_await current_scope(), 10ms);
    auto slept = [](Duration time) -> Task<IoResult<void>> { co_return co_await sleep(time); };
    EXPECT_TRUE(co_await slept(9ms).in(scope));
    scope.extend(10ms);
    EXPECT_TRUE(co_await slept(9ms).in(scope));
    scope.lift();
    EXPECT_TRUE(co_await slept(1h).in(scope));
    scope.extend(1h);
    scope.extend(1ms);
    EXPECT_EQ((co_await slept(30min).in(scope)).error(), IoError::timed_out);
  }());
}

TYPED_TEST(DeadlineTest, ShieldedRunsOnAfterCancellationUntilItsOwnDeadline) {
  SimulatedLoop loop(1);
  loop.run([](Loop& on) -> Task<> {
    auto cancelled = []() -> Task<> {
      EXPECT_FALSE(co_await sleep(1h));
      EXPECT_TRUE(co_await shielded(
          1s, []() -> Task<IoResult<void>> { co_return co_await sleep(500ms); }()));
      EXPECT_EQ((co_await shielded(1s, forever())).error(), IoError::timed_out);
    };
    const Time start = on.now();
    co_await within(10ms, cancelled());
    EXPECT_EQ(on.now() - start, 1510ms);
  }(loop));
}

template <class Result>
void times_out(const IoResult<Result>& result) {
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error(), IoError::timed_out);
}

TYPED_TEST(DeadlineTest, EveryOperationOnADescriptorTimesOut) {
  TypeParam loop;
  loop.run([](Loop& on) -> Task<> {
    Pair pair = socket_pair();
    Pair packets = socket_pair(SOCK_SEQPACKET);
    sockaddr_in address;
    Descriptor socket(on, std::move(pair.a)), peer(on, std::move(pair.b));
    Descriptor packet(on, std::move(packets.a)), other(on, std::move(packets.b));
    Descriptor listener(on, tcp_listener(address));
    std::string big(16 << 20, 'x');
    std::array<char, 8> space;
    auto recv = [](Descriptor& d) -> Task<IoResult<Chunk>> { co_return co_await d.recv(); };
    auto read = [](Descriptor& d, std::span<char> s) -> Task<IoResult<std::size_t>> {
      co_return co_await d.read(s);
    };
    auto send = [](Descriptor& d, std::string& s) -> Task<IoResult<void>> {
      co_return co_await d.send(s);
    };
    auto readable = [](Descriptor& d) -> Task<IoResult<void>> { co_return co_await d.readable(); };
    auto writable = [](Descriptor& d) -> Task<IoResult<void>> { co_return co_await d.writable(); };
    auto accept = [](Descriptor& d) -> Task<IoResult<Fd>> { co_return co_await d.accept(); };
    auto recv_packet = [](Descriptor& d, std::span<char> s) -> Task<IoResult<Descriptor::Packet>> {
      co_return co_await d.recv_packet(s);
    };
    auto send_packets = [](Descriptor& d) -> Task<IoResult<void>> {
      for (;;)
        if (auto sent = co_await d.send_packet("packet"); !sent) co_return sent;
    };
    times_out(co_await within(1ms, recv(socket)));
    times_out(co_await within(1ms, read(socket, space)));
    times_out(co_await within(1ms, readable(socket)));
    times_out(co_await within(5ms, send(socket, big)));
    times_out(co_await within(1ms, writable(socket)));
    times_out(co_await within(1ms, accept(listener)));
    times_out(co_await within(1ms, recv_packet(packet, space)));
    times_out(co_await within(5ms, send_packets(packet)));
    // The descriptors are as good as before.
    EXPECT_TRUE(co_await peer.send("hello"));
    EXPECT_EQ((co_await recv(socket))->view(), "hello");
  }(loop));
}

TYPED_TEST(DeadlineTest, AConnectToAFullBacklogTimesOut) {
  TypeParam loop;
  loop.run([](Loop& on) -> Task<> {
    sockaddr_in address;
    const Fd listener = tcp_listener(address, 0);
    std::vector<Descriptor> sockets;
    auto connect = [](Descriptor& d, const sockaddr_in& to) -> Task<IoResult<void>> {
      co_return co_await d.connect(reinterpret_cast<const sockaddr*>(&to), sizeof to);
    };
    for (int i = 0; i < 10; ++i) {
      sockets.emplace_back(on, tcp_socket());
      auto connected = co_await within(20ms, connect(sockets.back(), address));
      if (connected) continue;
      EXPECT_EQ(connected.error(), IoError::timed_out);
      co_return;
    }
    ADD_FAILURE() << "the backlog never filled";
  }(loop));
}

TYPED_TEST(DeadlineTest, EventsChannelsJobsAndChildrenTimeOut) {
  TypeParam loop;
  ThreadPool pool(1, 10);
  loop.run([](Loop& on, BlockingPool& jobs) -> Task<> {
    Event event;
    Channel<int> channel(1);
    auto wait = [](Event& e) -> Task<IoResult<void>> { co_return co_await e.wait(); };
    times_out(co_await within(1ms, wait(event)));
    times_out(co_await within(1ms, channel.receive()));
    EXPECT_TRUE(channel.try_send(1));
    times_out(co_await within(1ms, channel.send(2)));

    auto release = std::make_shared<std::binary_semaphore>(0);
    Code code = Code::internal;
    try {
      co_await within(1ms, jobs.run([release] { release->acquire(); }));
    } catch (const Error& e) {
      code = e.code();
    }
    EXPECT_EQ(code, Code::timeout);
    release->release();

    SpawnOptions options;
    options.argv = {"sleep", "100"};
    Child child = Child::spawn(on, options);
    times_out(co_await within(1ms, child.wait()));
    child.signal(SIGTERM);
    EXPECT_EQ((co_await child.wait())->code, SIGTERM);
  }(loop, pool));
}

TYPED_TEST(DeadlineTest, ACancelledAcceptLoopEndsAlthoughConnectionsKeepComing) {
  TypeParam loop;
  sockaddr_in address;
  Fd fd = tcp_listener(address, 4096);
  std::atomic<bool> ended = false;
  std::thread client([&ended, address] {
    while (!ended) {
      const Fd socket = tcp_socket();
      (void)::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
    }
  });
  loop.run([](Loop& on, Fd listening, std::atomic<bool>& done) -> Task<> {
    auto serve = [](Descriptor& listener) -> Task<int> {
      for (int accepted = 0;; ++accepted)
        if (auto fd = co_await listener.accept(); !fd) {
          EXPECT_EQ(fd.error(), IoError::timed_out);
          co_return accepted;
        }
    };
    Descriptor listener(on, std::move(listening));
    EXPECT_GT(co_await within(20ms, serve(listener)), 0);
    EXPECT_FALSE(co_await within(0ms, [](Descriptor& d) -> Task<IoResult<Fd>> {
      co_await yield();
      co_return co_await d.accept();
    }(listener)));
    done = true;
  }(loop, std::move(fd), ended));
  client.join();
}

}  // namespace
}  // namespace nuri::async

// What a loop owes to everybody: nothing that always has work keeps it, and its receive buffers go
// round in order.

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "async/deadline.h"
#include "async/descriptor.h"
#include "async/task_group.h"
#include "async/test_loops.h"
#include "async/test_sockets.h"

namespace nuri::async {
namespace {

constexpr int kBuffers = 512;

ON_EACH_LOOP(FairnessTest);

TYPED_TEST(FairnessTest, ASocketWithEndlessDataStarvesNeitherTimersNorOthers) {
  TypeParam loop;
  Pair flood = socket_pair(), other = socket_pair();
  std::atomic<bool> ended = false;
  std::thread writer([fd = std::move(flood.b), &ended] {
    const std::string block(64 * 1024, 'x');
    while (!ended) {
      (void)!::send(fd.get(), block.data(), block.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    }
  });
  // /dev/zero never makes a reader wait, so that a loop without credits never turns again.
  Fd zero(::open("/dev/zero", O_RDONLY | O_CLOEXEC));
  loop.run([](Loop& on, Fd endless, Fd zeros, Pair pair, std::atomic<bool>& done) -> Task<> {
    Descriptor a(on, std::move(endless)), z(on, std::move(zeros));
    Descriptor b(on, std::move(pair.a)), c(on, std::move(pair.b));
    auto drain = [](Descriptor& from, long& bytes) -> Task<> {
      for (;;) {
        auto chunk = co_await from.recv();
        if (!chunk) co_return;
        bytes += static_cast<long>(chunk->size());
      }
    };
    long flooded = 0, zeroed = 0;
    TaskGroup group(on);
    group.spawn(drain(a, flooded));
    group.spawn(drain(z, zeroed));
    // The thread that writes may begin late on a busy machine.
    for (int i = 0; i < 2000 && (flooded == 0 || i == 0); ++i) EXPECT_TRUE(co_await sleep(5ms));
    EXPECT_TRUE(co_await c.send("ping"));
    EXPECT_EQ((co_await b.recv())->view(), "ping");
    EXPECT_GT(flooded, 0);
    EXPECT_GT(zeroed, 0);
    group.cancel();
    co_await group.join();
    done = true;
  }(loop, std::move(flood.a), std::move(zero), std::move(other), ended));
  writer.join();
}

TYPED_TEST(FairnessTest, ASendToAPeerThatNeverLagsLetsOthersRun) {
  TypeParam loop;
  Fd null(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  loop.run([](Loop& on, Fd fd) -> Task<> {
    Descriptor to(on, std::move(fd));
    std::string part(1, 'x');
    std::vector<iovec> parts(64 * 5000, iovec{part.data(), 1});
    bool sent = false;
    TaskGroup group(on);
    group.spawn([](Descriptor& d, std::vector<iovec>& all, bool& done) -> Task<> {
      EXPECT_TRUE(co_await d.send(all));
      done = true;
    }(to, parts, sent));
    co_await yield();
    co_await yield();
    EXPECT_FALSE(sent);
    co_await group.join();
    EXPECT_TRUE(sent);
  }(loop, std::move(null)));
}

// Holds every receive buffer of the loop.
Task<std::vector<Chunk>> hold_all(Descriptor& from, Fd& to) {
  std::vector<Chunk> held;
  for (int i = 0; i < kBuffers; ++i) {
    EXPECT_EQ(::write(to.get(), "x", 1), 1);
    held.push_back(std::move(*co_await from.recv()));
  }
  co_return held;
}

struct Line {
  std::vector<Descriptor> readers;
  std::vector<Fd> peers;
  std::vector<int> served;
};

Task<> read_once(Line& line, int n) {
  auto chunk = co_await line.readers[static_cast<std::size_t>(n)].recv();
  if (chunk && !chunk->empty()) line.served.push_back(n);
}

Line make_line(Loop& on, int count) {
  Line line;
  for (int i = 0; i < count; ++i) {
    Pair pair = socket_pair();
    EXPECT_EQ(::write(pair.b.get(), "y", 1), 1);
    line.readers.emplace_back(on, std::move(pair.a));
    line.peers.push_back(std::move(pair.b));
  }
  return line;
}

Task<> turns(int count) {
  for (int i = 0; i < count; ++i) co_await yield();
}

TYPED_TEST(FairnessTest, ReadersWithoutABufferAreServedInOrderAsBuffersComeBack) {
  TypeParam loop;
  loop.run([](Loop& on) -> Task<> {
    Pair pair = socket_pair();
    Descriptor source(on, std::move(pair.a));
    std::vector<Chunk> held = co_await hold_all(source, pair.b);
    Line line = make_line(on, 10);
    TaskGroup group(on);
    for (int i = 0; i < 10; ++i) group.spawn(read_once(line, i));
    co_await turns(4);
    EXPECT_TRUE(line.served.empty());
    // More data for one that waits does not move it.
    EXPECT_EQ(::write(line.peers[7].get(), "z", 1), 1);
    co_await turns(4);
    // Nobody who comes later is served before the line, also if it asks at the right moment.
    Line newcomer = make_line(on, 1);
    held.pop_back();
    auto late = co_await newcomer.readers[0].recv();
    EXPECT_TRUE(late);
    EXPECT_EQ(line.served.size(), 10U);
    for (int i = 0; i < 10; ++i) EXPECT_EQ(line.served[static_cast<std::size_t>(i)], i);
    held.clear();
    co_await group.join();
  }(loop));
}

TYPED_TEST(FairnessTest, AReaderThatLeavesTheLineOfBuffersIsPassedOver) {
  TypeParam loop;
  loop.run([](Loop& on) -> Task<> {
    Pair pair = socket_pair();
    Descriptor source(on, std::move(pair.a));
    std::vector<Chunk> held = co_await hold_all(source, pair.b);
    Line line = make_line(on, 3);
    TaskGroup group(on), impatient(on);
    impatient.spawn(read_once(line, 0));
    co_await turns(2);
    {
      TaskGroup destroyed(on);
      destroyed.spawn(read_once(line, 1));
      co_await turns(2);
    }
    group.spawn(read_once(line, 2));
    co_await turns(2);
    impatient.cancel();
    co_await impatient.join();
    held.pop_back();
    co_await group.join();
    EXPECT_EQ(line.served, std::vector{2});
    held.clear();
  }(loop));
}

TYPED_TEST(FairnessTest, SendersGoOnWhileAllBuffersAreHeld) {
  TypeParam loop;
  loop.run([](Loop& on) -> Task<> {
    Pair pair = socket_pair();
    Descriptor source(on, std::move(pair.a));
    std::vector<Chunk> held = co_await hold_all(source, pair.b);
    Line line = make_line(on, 1);
    Pair packets = socket_pair(SOCK_SEQPACKET);
    Descriptor a(on, std::move(packets.a)), b(on, std::move(packets.b));
    TaskGroup group(on);
    group.spawn(read_once(line, 0));
    // More operations than a turn has credits, and nothing else that would wake the loop.
    std::array<char, 8> space;
    for (int i = 0; i < 1000; ++i) {
      EXPECT_TRUE(co_await a.send_packet("x"));
      EXPECT_TRUE(co_await b.recv_packet(space));
    }
    held.clear();
    co_await group.join();
  }(loop));
}

}  // namespace
}  // namespace nuri::async

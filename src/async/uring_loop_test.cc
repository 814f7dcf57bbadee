// What UringLoop owes beyond what every loop owes (the other tests run on it too): the kernel works
// on its own while tasks come and go.

#include "async/uring_loop.h"

#include <gtest/gtest.h>

#include <string>

#include "async/deadline.h"
#include "async/descriptor.h"
#include "async/task_group.h"
#include "async/test_sockets.h"
#include "base/limits.h"

namespace nuri::async {
namespace {

Pair path_pair() { return socket_pair(); }

// The ring receives from TCP in another way than from path sockets.
struct UringSockets : testing::TestWithParam<Pair (*)()> {};
INSTANTIATE_TEST_SUITE_P(, UringSockets, testing::Values(path_pair, tcp_pair),
                         [](const auto& of) { return of.param == tcp_pair ? "tcp" : "path"; });

Task<> turns(int count) {
  for (int i = 0; i < count; ++i) co_await yield();
}

Task<> wait_for_bytes(Descriptor& from) { (void)co_await from.recv(); }

TEST(UringLoopTest, IsAvailableOnThisMachine) { EXPECT_TRUE(UringLoop::available()); }

// The peer sees the end although a receive was under way: close alone would keep the file open.
TEST(UringLoopTest, ClosingUnderAReceiveThatIsUnderWayTellsThePeerAndFreesTheSlot) {
  UringLoop loop;
  loop.run([](Loop& on) -> Task<> {
    sockaddr_in address;
    Descriptor listener(on, tcp_listener(address));
    Descriptor client(on, tcp_socket());
    EXPECT_TRUE(co_await client.connect(reinterpret_cast<sockaddr*>(&address), sizeof address));
    Descriptor server(on, *co_await listener.accept());
    EXPECT_FALSE(co_await within(
        1ms, [](Descriptor& d) -> Task<IoResult<Chunk>> { co_return co_await d.recv(); }(server)));
    const std::size_t before = on.slots();
    server.close();
    EXPECT_EQ(on.slots(), before);  // until the kernel has let go of it
    auto end = co_await client.recv();
    EXPECT_TRUE(end && end->empty());
    co_await turns(2);
    EXPECT_EQ(on.slots(), before - 1);
  }(loop));
}

// Bytes that came when nobody waited any more are neither lost nor put out of order.
TEST_P(UringSockets, WhatCameForAReaderThatHasGoneIsTheNextReadersFirst) {
  UringLoop loop;
  loop.run([](Loop& on, Pair (*make)()) -> Task<> {
    for (int round = 0; round < 200; ++round) {
      Pair pair = make();
      Descriptor from(on, std::move(pair.a));
      {
        TaskGroup group(on);
        group.spawn(wait_for_bytes(from));
        co_await turns(1 + round % 2);
        // The reader goes in the turn in which the bytes come: the receive is not cancelled yet.
        EXPECT_EQ(::write(pair.b.get(), "abcdef", 6), 6);
      }
      if (round % 3 == 0) co_await turns(2);
      std::string got;
      std::array<char, 2> two;
      if (round % 5 == 0) {
        EXPECT_TRUE(co_await from.readable());
        auto n = co_await from.read(two);
        got.assign(two.data(), n.value_or(0));
      }
      EXPECT_EQ(::write(pair.b.get(), "ghi", 3), 3);
      pair.b.reset();
      for (;;) {
        auto chunk = co_await from.recv();
        if (!chunk || chunk->empty()) break;
        got += chunk->view();
      }
      EXPECT_EQ(got, "abcdefghi");
    }
  }(loop, GetParam()));
}

// A slot is not given on before the kernel has let go of it, so nothing that was asked for a former
// descriptor is taken for its successor's.
TEST_P(UringSockets, AReceiveOfAFormerDescriptorNeverReachesItsSuccessor) {
  UringLoop loop;
  loop.run([](Loop& on, Pair (*make)()) -> Task<> {
    for (int round = 0; round < 300; ++round) {
      Pair former = make(), next = make();
      Descriptor old(on, std::move(former.a));
      {
        TaskGroup group(on);
        group.spawn(wait_for_bytes(old));
        co_await turns(1 + round % 3);
        EXPECT_EQ(::write(former.b.get(), "former", 6), 6);
      }
      old.close();
      Descriptor fresh(on, std::move(next.a));
      EXPECT_EQ(::write(next.b.get(), "next", 4), 4);
      auto chunk = co_await fresh.recv();
      EXPECT_TRUE(chunk && chunk->view() == "next");
    }
  }(loop, GetParam()));
}

// Each waits in the ring without a buffer; then all get bytes at once, more than there are buffers.
TEST_P(UringSockets, MoreReadersThanBuffersAreAllServedAsBuffersComeBack) {
  constexpr int kReaders = 700;
  UringLoop loop;
  loop.run([](Loop& on, Pair (*make)()) -> Task<> {
    std::vector<Descriptor> readers;
    std::vector<Fd> peers;
    for (int i = 0; i < kReaders; ++i) {
      Pair pair = make();
      readers.emplace_back(on, std::move(pair.a));
      peers.push_back(std::move(pair.b));
    }
    int served = 0;
    std::vector<Chunk> held;
    TaskGroup group(on);
    for (Descriptor& reader : readers)
      group.spawn([](Descriptor& from, std::vector<Chunk>& chunks, int& count) -> Task<> {
        auto chunk = co_await from.recv();
        if (!chunk || chunk->view() != "x") co_return;
        ++count;
        chunks.push_back(std::move(*chunk));
      }(reader, held, served));
    // More starts than a turn has credits: all of them wait in the ring after some turns.
    co_await turns(20);
    for (const Fd& peer : peers) EXPECT_EQ(::write(peer.get(), "x", 1), 1);
    co_await turns(200);  // the kernel hands over some 20 a turn
    EXPECT_EQ(served, static_cast<int>(UringRing::kBuffers));
    while (served < kReaders) {
      held.clear();
      co_await turns(1);
    }
    held.clear();
    co_await group.join();
  }(loop, GetParam()));
}

// A peer that floods while its reader is busy elsewhere takes no buffer from the others.
TEST_P(UringSockets, FloodsThatNobodyReadsTakeNoBuffers) {
  UringLoop loop;
  loop.run([](Loop& on, Pair (*make)()) -> Task<> {
    std::vector<Descriptor> flooded;
    std::vector<Fd> peers;
    const std::string flood(64 * 1024, 'f');
    for (int i = 0; i < 200; ++i) {
      Pair pair = make();
      flooded.emplace_back(on, std::move(pair.a));
      peers.push_back(std::move(pair.b));
      (void)!::send(peers.back().get(), flood.data(), flood.size(), MSG_DONTWAIT);
    }
    // Each reads once and then does something else.
    for (Descriptor& from : flooded) EXPECT_EQ((co_await from.recv())->size(), limits::kChunkBytes);
    Pair pair = make();
    Descriptor other(on, std::move(pair.a));
    std::vector<Chunk> held;
    for (std::uint32_t i = 0; i < UringRing::kBuffers; ++i) {
      EXPECT_EQ(::write(pair.b.get(), "x", 1), 1);
      held.push_back(std::move(*co_await other.recv()));
      EXPECT_TRUE(held.back().lent());
    }
  }(loop, GetParam()));
}

// Bytes keep their order whoever reads them, and however: by the ring, by a call, by looking.
TEST_P(UringSockets, BytesKeepTheirOrderWhateverReadsThem) {
  UringLoop loop;
  loop.run([](Loop& on, Pair (*make)()) -> Task<> {
    Pair pair = make();
    Descriptor from(on, std::move(pair.a)), to(on, std::move(pair.b));
    std::string sent;
    for (int i = 0; sent.size() < 2'000'000; ++i) sent += std::to_string(i) + ' ';
    TaskGroup group(on);
    group.spawn([](Descriptor& out, const std::string& all) -> Task<> {
      for (std::size_t at = 0, n = 1; at < all.size(); at += n, n = n * 7 % 30'011 + 1) {
        EXPECT_TRUE(co_await out.send(std::string_view(all).substr(at, n)));
        if (n % 3 == 0) co_await yield();
      }
      out.close();
    }(to, sent));
    std::string got;
    std::array<char, 10'000> space;
    for (int round = 0;; ++round) {
      const std::size_t before = got.size();
      switch (round / 5 % 4) {
        case 0:
          got.append(space.data(), (co_await from.read(space)).value_or(0));
          break;
        case 1:
          EXPECT_TRUE(co_await from.readable());
          if (const std::size_t n = from.take_held(space))
            got.append(space.data(), n);
          else if (const auto more = ::recv(from.native(), space.data(), space.size(), 0); more > 0)
            got.append(space.data(), static_cast<std::size_t>(more));
          break;
        default:
          if (auto chunk = co_await from.recv()) got.append(chunk->view());
          if (round % 2) co_await yield();
      }
      if (got.size() == before) break;
    }
    EXPECT_TRUE(got == sent);
    co_await group.join();
  }(loop, GetParam()));
}

// Watching a descriptor again and again, with reads between: no edge is missed.
TEST_P(UringSockets, ReadableSeesWhatIsLeftWhatComesAndTheEnd) {
  UringLoop loop;
  loop.run([](Loop& on, Pair (*make)()) -> Task<> {
    Pair pair = make();
    Descriptor from(on, std::move(pair.a));
    auto watch = [](Descriptor& d) -> Task<IoResult<void>> { co_return co_await d.readable(); };
    EXPECT_FALSE(co_await within(1ms, watch(from)));
    EXPECT_EQ(::write(pair.b.get(), "one", 3), 3);
    EXPECT_TRUE(co_await within(5s, watch(from)));
    EXPECT_TRUE(co_await within(5s, watch(from)));  // still
    EXPECT_EQ((co_await from.recv())->view(), "one");
    EXPECT_FALSE(co_await within(1ms, watch(from)));
    const std::string big(limits::kChunkBytes + 1, 'b');
    EXPECT_TRUE(::write(pair.b.get(), big.data(), big.size()) > 0);
    EXPECT_EQ((co_await from.recv())->size(), limits::kChunkBytes);
    EXPECT_TRUE(co_await within(5s, watch(from)));
    EXPECT_EQ((co_await from.recv())->size(), 1U);
    pair.b.reset();
    EXPECT_TRUE(co_await within(5s, watch(from)));
    EXPECT_TRUE((co_await from.recv())->empty());
    EXPECT_TRUE(co_await within(5s, watch(from)));
  }(loop, GetParam()));
}

// The ring takes a reset off the socket, where no call sees it any more.
TEST(UringLoopTest, AResetThatCameWhileNobodyReadIsToldToWhoReadsOrWaitsToRead) {
  UringLoop loop;
  loop.run([](Loop& on) -> Task<> {
    for (const bool reads : {true, false}) {
      Pair pair = tcp_pair();
      Descriptor from(on, std::move(pair.a));
      EXPECT_EQ(::write(pair.b.get(), "one", 3), 3);
      EXPECT_EQ((co_await from.recv())->view(), "one");
      const linger now{1, 0};
      EXPECT_EQ(::setsockopt(pair.b.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
      pair.b.reset();
      co_await turns(3);
      if (reads) {
        const auto got = co_await from.recv();
        EXPECT_TRUE(!got && got.error() == IoError::reset);
      } else {
        const auto ready = co_await from.readable();
        EXPECT_TRUE(!ready && ready.error() == IoError::reset);
      }
    }
  }(loop));
}

}  // namespace
}  // namespace nuri::async

#include "net/memory_stream.h"

#include <gtest/gtest.h>

#include "async/deadline.h"
#include "async/simulated_loop.h"
#include "async/task_group.h"

namespace nuri::net {
namespace {

Task<std::string> receive_all(Stream& stream) {
  std::string out;
  for (;;) {
    auto chunk = co_await stream.recv();
    if (!chunk) co_return out + "!" + std::string(describe(chunk.error()));
    if (chunk->empty()) co_return out;
    EXPECT_LE(chunk->size(), 3U);
    out += chunk->view();
  }
}

Task<void> send_and_finish(Stream& stream, std::string text) {
  EXPECT_TRUE(co_await stream.send(text));
  stream.shutdown_send();
}

Task<void> pieces(async::SimulatedLoop& loop) {
  auto [a, b] = memory_pair(loop, 3, 4);
  async::TaskGroup group(loop);
  group.spawn(send_and_finish(*a, "abcdefgh"));
  EXPECT_EQ(co_await receive_all(*b), "abcdefgh");
  co_await group.join();
  EXPECT_TRUE(co_await b->send("back"));
  EXPECT_FALSE(a->quiet());
  EXPECT_EQ((co_await a->recv())->view(), "bac");
}

TEST(MemoryStream, ComesInPiecesAndWaitsForTheReader) {
  for (std::uint64_t seed = 1; seed < 20; ++seed) {
    async::SimulatedLoop loop(seed);
    loop.run(pieces(loop));
  }
}

Task<void> gone(async::SimulatedLoop& loop) {
  auto [a, b] = memory_pair(loop);
  EXPECT_TRUE(a->quiet());
  b.reset();
  EXPECT_FALSE(a->quiet());
  EXPECT_EQ((co_await a->send("x")).error(), IoError::reset);
  EXPECT_TRUE((co_await a->recv())->empty());
  auto [c, d] = memory_pair(loop);
  co_await c->send("unread");
  d.reset();
  EXPECT_EQ((co_await c->recv()).error(), IoError::reset);
}

TEST(MemoryStream, APeerThatIsGoneIsLikeASocketsPeer) {
  async::SimulatedLoop loop(1);
  loop.run(gone(loop));
}

Task<void> waits(async::SimulatedLoop& loop) {
  auto [a, b] = memory_pair(loop, 10, 4);
  auto got = co_await async::within(5s, a->recv());
  EXPECT_EQ(got.error(), IoError::timed_out);
  EXPECT_EQ(loop.now(), Time{} + 5s);
  auto sent = co_await async::within(5s, a->send("too much"));
  EXPECT_EQ(sent.error(), IoError::timed_out);
  EXPECT_EQ((co_await b->recv())->view(), "too ");
}

TEST(MemoryStream, WaitsEndAtTheirDeadline) {
  async::SimulatedLoop loop(1);
  loop.run(waits(loop));
}

Task<void> parts(async::SimulatedLoop& loop) {
  auto [a, b] = memory_pair(loop);
  std::string one = "one", two = "two";
  std::array<iovec, 2> all{iovec{one.data(), one.size()}, iovec{two.data(), two.size()}};
  EXPECT_TRUE(co_await a->send(std::span<iovec>(all)));
  EXPECT_EQ((co_await b->recv())->view(), "onetwo");
}

TEST(MemoryStream, SendsPartsTogether) {
  async::SimulatedLoop loop(1);
  loop.run(parts(loop));
}

}  // namespace
}  // namespace nuri::net

#include "async/descriptor.h"

#include <gtest/gtest.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cstdlib>
#include <string>

#include "async/deadline.h"
#include "async/task_group.h"
#include "async/test_loops.h"
#include "async/test_sockets.h"

namespace nuri::async {
namespace {

Task<std::string> receive_all(Descriptor& from) {
  std::string all;
  for (;;) {
    auto chunk = co_await from.recv();
    if (!chunk || chunk->empty()) co_return all;
    all += chunk->view();
  }
}

std::string pattern(std::size_t bytes) {
  std::string text(bytes, '\0');
  for (std::size_t i = 0; i < bytes; ++i) text[i] = static_cast<char>(i * 7 + i / 251);
  return text;
}

Task<> send_and_finish(Descriptor& to, const std::string& bytes) {
  EXPECT_TRUE(co_await to.send(bytes));
  ::shutdown(to.native(), SHUT_WR);
}

ON_EACH_LOOP(DescriptorTest);

TYPED_TEST(DescriptorTest, SendsMuchMoreThanTheKernelHoldsWithBackPressure) {
  TypeParam loop;
  loop.run([](Loop& on) -> Task<> {
    Pair pair = socket_pair();
    Descriptor a(on, std::move(pair.a)), b(on, std::move(pair.b));
    const std::string bytes = pattern(8 << 20);
    TaskGroup group(on);
    group.spawn(send_and_finish(a, bytes));
    EXPECT_TRUE(co_await receive_all(b) == bytes);
    co_await group.join();
  }(loop));
}

TYPED_TEST(DescriptorTest, SendsManyPartsWithEmptyOnesAmongThem) {
  TypeParam loop;
  loop.run([](Loop& on) -> Task<> {
    Pair pair = socket_pair();
    Descriptor a(on, std::move(pair.a)), b(on, std::move(pair.b));
    std::string text = pattern(1000), expected;
    std::vector<iovec> parts;
    for (std::size_t i = 0; i < 300; ++i) {
      parts.push_back({text.data(), i % 3 == 0 ? 0 : i});
      expected += text.substr(0, parts.back().iov_len);
    }
    EXPECT_TRUE(co_await a.send(parts));
    a.close();
    EXPECT_TRUE(co_await receive_all(b) == expected);
  }(loop));
}

TYPED_TEST(DescriptorTest, AHalfClosedSocketStillSends) {
  TypeParam loop;
  loop.run([](Loop& on) -> Task<> {
    Pair pair = socket_pair();
    Descriptor a(on, std::move(pair.a)), b(on, std::move(pair.b));
    ::shutdown(a.native(), SHUT_WR);
    EXPECT_TRUE((co_await b.recv())->empty());
    EXPECT_TRUE((co_await b.recv())->empty());  // the end stays the end
    EXPECT_TRUE(co_await b.send("answer"));
    EXPECT_EQ((co_await a.recv())->view(), "answer");
  }(loop));
}

TYPED_TEST(DescriptorTest, WhatWasSentArrivesAfterClose) {
  TypeParam loop;
  loop.run([](Loop& on) -> Task<> {
    sockaddr_in address;
    Descriptor listener(on, tcp_listener(address));
    Descriptor client(on, tcp_socket());
    EXPECT_TRUE(co_await client.connect(reinterpret_cast<sockaddr*>(&address), sizeof address));
    Descriptor server(on, *co_await listener.accept());
    const std::string bytes = pattern(100'000);
    EXPECT_TRUE(co_await client.send(bytes));
    client.close();
    EXPECT_TRUE(co_await receive_all(server) == bytes);
  }(loop));
}

TYPED_TEST(DescriptorTest, RefusedUnreachableAndBrokenAreValues) {
  TypeParam loop;
  loop.run([](Loop& on) -> Task<> {
    sockaddr_in address;
    {
      const Fd gone = tcp_listener(address);
    }
    Descriptor client(on, tcp_socket());
    EXPECT_EQ(
        (co_await client.connect(reinterpret_cast<sockaddr*>(&address), sizeof address)).error(),
        IoError::refused);
    Pair pair = socket_pair();
    Descriptor a(on, std::move(pair.a));
    pair.b.reset();
    EXPECT_EQ((co_await a.send("x")).error(), IoError::reset);
    Pair pipe = pipe_pair();
    Descriptor write_end(on, std::move(pipe.b));
    pipe.a.reset();
    EXPECT_EQ((co_await write_end.send("x")).error(), IoError::reset);  // and no SIGPIPE
  }(loop));
}

TYPED_TEST(DescriptorTest, PacketsCarryDescriptorsAndSayWhenTheyDoNotFit) {
  TypeParam loop;
  loop.run([](Loop& on) -> Task<> {
    Pair pair = socket_pair(SOCK_SEQPACKET);
    Descriptor a(on, std::move(pair.a)), b(on, std::move(pair.b));
    Pair pipe = pipe_pair();
    std::vector<int> many(64, pipe.b.get());
    std::array<char, 16> space;
    EXPECT_TRUE(co_await a.send_packet("take", many));
    EXPECT_TRUE(co_await a.send_packet("longer than the space is", many));
    EXPECT_TRUE(co_await a.send_packet("next"));
    {
      auto packet = co_await b.recv_packet(space);
      EXPECT_TRUE(packet);
      EXPECT_EQ(std::string_view(space.data(), packet->bytes), "take");
      EXPECT_EQ(packet->fds.size(), 64U);
      EXPECT_TRUE(fcntl(packet->fds[63].get(), F_GETFD) & FD_CLOEXEC);
      EXPECT_EQ(::write(packet->fds[0].get(), "x", 1), 1);
    }
    EXPECT_EQ((co_await b.recv_packet(space)).error(), IoError::too_large);
    EXPECT_EQ((co_await b.recv_packet(space))->bytes, 4U);
    // All copies are closed again: the pipe ends when the original does.
    pipe.b.reset();
    char c[2];
    EXPECT_EQ(::read(pipe.a.get(), c, 2), 1);
    EXPECT_EQ(::read(pipe.a.get(), c, 2), 0);
    a.close();
    EXPECT_EQ((co_await b.recv_packet(space))->bytes, 0U);
  }(loop));
}

TYPED_TEST(DescriptorTest, PacketsFlowWithBackPressure) {
  TypeParam loop;
  auto sends = [](Descriptor& to) -> Task<> {
    for (int i = 0; i < 5000; ++i)
      EXPECT_TRUE(co_await to.send_packet({reinterpret_cast<char*>(&i), sizeof i}));
  };
  loop.run([](Loop& on, decltype(sends) make) -> Task<> {
    Pair pair = socket_pair(SOCK_SEQPACKET);
    Descriptor a(on, std::move(pair.a)), b(on, std::move(pair.b));
    TaskGroup group(on);
    group.spawn(make(a));
    for (int i = 0; i < 5000; ++i) {
      int got = -1;
      EXPECT_TRUE(co_await b.recv_packet({reinterpret_cast<char*>(&got), sizeof got}));
      EXPECT_EQ(got, i);
    }
    co_await group.join();
  }(loop, sends));
}

TYPED_TEST(DescriptorTest, ARegularFileIsReadAndWritten) {
  TypeParam loop;
  char name[] = "/tmp/nuri-descriptor-XXXXXX";
  Fd file(::mkstemp(name));
  ::unlink(name);
  loop.run([](Loop& on, Fd fd) -> Task<> {
    Descriptor d(on, std::move(fd));
    const std::string bytes = pattern(10'000);
    EXPECT_TRUE(co_await d.send(bytes));
    EXPECT_EQ(::lseek(d.native(), 0, SEEK_SET), 0);
    EXPECT_TRUE(co_await receive_all(d) == bytes);
  }(loop, std::move(file)));
}

TYPED_TEST(DescriptorTest, AShortReadOfWhatIsNoByteStreamLosesNothing) {
  TypeParam loop;
  loop.run([](Loop& on) -> Task<> {
    Pair pair = socket_pair(SOCK_DGRAM);
    Descriptor a(on, std::move(pair.a)), b(on, std::move(pair.b));
    EXPECT_TRUE(co_await a.send_packet("one"));
    EXPECT_TRUE(co_await a.send_packet("two"));
    EXPECT_TRUE(co_await sleep(1ms));  // the loop has seen both arrive: no further event comes
    auto next = [](Descriptor& d) -> Task<std::string> {
      auto chunk = co_await d.recv();
      co_return chunk ? std::string(chunk->view()) : "nothing";
    };
    EXPECT_EQ(co_await within(1s, next(b)), "one");
    EXPECT_EQ(co_await within(1s, next(b)), "two");
  }(loop));
}

class FewDescriptors {
 public:
  explicit FewDescriptors(rlim_t most) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    rlimit now = before_;
    now.rlim_cur = most;
    ::setrlimit(RLIMIT_NOFILE, &now);
  }
  ~FewDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  FewDescriptors(const FewDescriptors&) = delete;
  FewDescriptors& operator=(const FewDescriptors&) = delete;

 private:
  rlimit before_;
};

TYPED_TEST(DescriptorTest, AcceptWithoutDescriptorsLeftIsAValueAndTheConnectionWaits) {
  TypeParam loop;
  loop.run([](Loop& on) -> Task<> {
    sockaddr_in address;
    Descriptor listener(on, tcp_listener(address));
    Descriptor client(on, tcp_socket());
    EXPECT_TRUE(co_await client.connect(reinterpret_cast<sockaddr*>(&address), sizeof address));
    {
      const FewDescriptors none(static_cast<rlim_t>(client.native()));
      EXPECT_EQ((co_await listener.accept()).error(), IoError::no_resources);
    }
    EXPECT_TRUE(co_await listener.accept());
  }(loop));
}

Task<> use_after_close(Loop& on) {
  Pair pair = socket_pair();
  Descriptor a(on, std::move(pair.a));
  auto stale = a.recv();
  a.close();
  Descriptor successor(on, std::move(pair.b));  // gets the same slot
  (void)co_await std::move(stale);
}

Task<> close_under_a_reader(Loop& on) {
  Pair pair = socket_pair();
  Descriptor a(on, std::move(pair.a));
  TaskGroup group(on);
  group.spawn([](Descriptor& d) -> Task<> { (void)co_await d.recv(); }(a));
  co_await sleep(1ms);
  a.close();
}

Task<> two_readers(Loop& on) {
  Pair pair = socket_pair();
  Descriptor a(on, std::move(pair.a));
  TaskGroup group(on);
  for (int i = 0; i < 2; ++i)
    group.spawn([](Descriptor& d) -> Task<> { (void)co_await d.recv(); }(a));
  co_await group.join();
}

ON_EACH_LOOP(DescriptorDeathTest);

TYPED_TEST(DescriptorDeathTest, MisuseIsCaught) {
  auto runs = [](Task<> (*task)(Loop&)) {
    TypeParam loop;
    loop.run(task(loop));
  };
  EXPECT_DEATH(runs(use_after_close), "generation == id.generation");
  EXPECT_DEATH(runs(close_under_a_reader), "!slot.reader");
  EXPECT_DEATH(runs(two_readers), "!place");
}

}  // namespace
}  // namespace nuri::async

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <optional>

#include "async/deadline.h"
#include "async/epoll_loop.h"
#include "async/task_group.h"
#include "net/listener.h"
#include "net/packet_socket.h"
#include "net/stream.h"

namespace nuri::net {
namespace {

TEST(Address, ParsesWhatItPrints) {
  for (const char* text : {"127.0.0.1:80", "0.0.0.0:0", "[::1]:65535", "unix:/run/x.sock"}) {
    const auto address = Address::parse(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(address->str(), text);
  }
  for (const std::string& text :
       {std::string("localhost:80"), std::string("127.0.0.1"), std::string("127.0.0.1:65536"),
        std::string("::1:80"), std::string("127.0.0.1:"), std::string("unix:"),
        "unix:/" + std::string(107, 'x'), std::string()})
    EXPECT_FALSE(Address::parse(text)) << text;
  EXPECT_EQ(Address::loopback(1).with_port(2).str(), "127.0.0.1:2");
}

class Folder {
 public:
  Folder() {
    char name[] = "/tmp/nuri-net-test-XXXXXX";
    path_ = ::mkdtemp(name);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

TEST(Listener, AtAStartAPortThatIsStillHeldIsWaitedFor) {
  std::optional<Fd> held = listen_on(Address::loopback(0));
  const Address address = local_address(held->get());
  int calls = 0;
  const Fd got = at_start([&] {
    if (++calls == 3) held.reset();
    return listen_on(address);
  });
  EXPECT_EQ(calls, 3);
  EXPECT_EQ(local_address(got.get()).str(), address.str());
  EXPECT_THROW(at_start([&]() -> Fd {
                 ++calls;
                 throw Error(Code::forbidden, "not permitted");
               }),
               Error);
  EXPECT_EQ(calls, 4) << "waiting would not help";
}

Task<void> exchange(async::EpollLoop& loop, Address at) {
  Listener listener(loop, listen_on(at));
  auto client = co_await connect(loop, listener.address());
  EXPECT_TRUE(client);
  auto accepted = co_await listener.accept();
  SocketStream server(loop, std::move(*accepted));
  EXPECT_TRUE(server.quiet());
  std::string one = "one", two = "two";
  std::array<iovec, 2> all{iovec{one.data(), one.size()}, iovec{two.data(), two.size()}};
  EXPECT_TRUE(co_await (*client)->send(std::span<iovec>(all)));
  auto chunk = co_await server.recv();
  EXPECT_EQ(chunk->view(), "onetwo");
  EXPECT_TRUE(server.quiet());
  (*client)->shutdown_send();
  EXPECT_TRUE((co_await server.recv())->empty());
  EXPECT_FALSE(server.quiet());
  EXPECT_TRUE(co_await server.send("still open this way"));
  EXPECT_EQ((co_await (*client)->recv())->view(), "still open this way");
  if (!at.is_path()) EXPECT_EQ((*client)->peer(), listener.address());
}

TEST(SocketStream, CarriesBytesOverTcpAndPaths) {
  async::EpollLoop loop;
  const Folder folder;
  loop.run(exchange(loop, Address::loopback(0)));
  loop.run(exchange(loop, *Address::parse("[::1]:0")));
  loop.run(exchange(loop, *Address::parse("unix:" + folder.file("s"))));
}

Task<void> nobody(async::EpollLoop& loop, const Folder& folder) {
  Address closed;
  {
    const Fd socket = listen_on(Address::loopback(0));
    closed = local_address(socket.get());
  }
  EXPECT_EQ((co_await connect(loop, closed)).error(), IoError::refused);
  EXPECT_EQ((co_await connect(loop, *Address::parse("unix:" + folder.file("none")))).error(),
            IoError::unreachable);
}

TEST(SocketStream, SaysWhyItCannotConnect) {
  async::EpollLoop loop;
  const Folder folder;
  loop.run(nobody(loop, folder));
}

Task<IoError> accept_within(Listener& listener, Duration time) {
  async::DeadlineScope scope(co_await async::current_scope(), time);
  auto accepting = [](Listener& on) -> Task<IoResult<Fd>> { co_return co_await on.accept(); };
  const auto accepted = co_await accepting(listener).in(scope);
  co_return accepted ? IoError::other : accepted.error();
}

TEST(Listener, AcceptEndsAtItsDeadline) {
  async::EpollLoop loop;
  loop.run([](async::EpollLoop& on) -> Task<void> {
    Listener listener(on, listen_on(Address::loopback(0)));
    EXPECT_EQ(co_await accept_within(listener, 20ms), IoError::timed_out);
  }(loop));
}

TEST(Listener, NamesAnAddressThatIsTaken) {
  const Fd first = listen_on(Address::loopback(0));
  const Address taken = local_address(first.get());
  try {
    listen_on(taken);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::conflict);
    EXPECT_NE(error.message().find(taken.str()), std::string::npos);
  }
}

Task<void> packets(async::EpollLoop& loop, std::string path) {
  Listener listener(loop, listen_packets(path, 0600));
  auto client = co_await PacketSocket::connect(loop, path);
  EXPECT_TRUE(client);
  PacketSocket server(loop, *co_await listener.accept());
  EXPECT_EQ(server.peer().pid, ::getpid());
  EXPECT_EQ(server.peer().uid, ::getuid());

  Fd pipe_ends[2];
  int raw[2];
  EXPECT_EQ(::pipe2(raw, O_CLOEXEC), 0);
  pipe_ends[0] = Fd(raw[0]);
  pipe_ends[1] = Fd(raw[1]);
  EXPECT_TRUE(co_await client->send("take this", {pipe_ends[1].get()}));
  EXPECT_TRUE(co_await client->send("and this"));
  auto packet = co_await server.receive(100);
  EXPECT_EQ(packet->text, "take this");
  EXPECT_EQ(packet->fds.size(), 1U);
  EXPECT_EQ(::write(packet->fds[0].get(), "x", 1), 1);
  char byte = 0;
  EXPECT_EQ(::read(pipe_ends[0].get(), &byte, 1), 1);
  EXPECT_EQ(byte, 'x');
  EXPECT_EQ((co_await server.receive(100))->text, "and this");

  EXPECT_TRUE(co_await client->send("longer than that"));
  EXPECT_EQ((co_await server.receive(5)).error(), IoError::too_large);
  *client = PacketSocket();
  EXPECT_TRUE((co_await server.receive(5))->end());
}

TEST(PacketSocket, CarriesPacketsAndDescriptors) {
  async::EpollLoop loop;
  const Folder folder;
  loop.run(packets(loop, folder.file("p")));
  struct stat status{};
  ASSERT_EQ(::stat(folder.file("p").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
  // What is left of a listener that is gone does not stand in the way.
  loop.run(packets(loop, folder.file("p")));
}

TEST(HandedInListeners, IgnoresAnothersAndRemovesTheVariables) {
  ::setenv("LISTEN_FDS", "1", 1);
  ::setenv("LISTEN_PID", "1", 1);
  ::setenv("LISTEN_FDNAMES", "api", 1);
  EXPECT_TRUE(handed_in_listeners().empty());
  EXPECT_EQ(::getenv("LISTEN_FDS"), nullptr);
  EXPECT_EQ(::getenv("LISTEN_FDNAMES"), nullptr);
}

}  // namespace
}  // namespace nuri::net

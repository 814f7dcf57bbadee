#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "async/deadline.h"
#include "async/epoll_loop.h"
#include "http/client.h"
#include "http/server.h"

// Server and client over real sockets, on one epoll loop.

namespace nuri::http {
namespace {

using async::TaskGroup;
using async::within;

constexpr Duration kPatience = 60s;  // of a test that hangs; none waits for it otherwise

// "/echo" streams the content back as it comes, "/big" 8 MiB, else "hello".
class Echo final : public Service {
 public:
  Task<void> serve(Request& request, Response& response) override {
    ++served;
    if (request.path == "/echo") {
      co_await response.head(200, {}, request.body->length());
      for (;;) {
        auto chunk = co_await request.body->read();
        if (!chunk) co_return;
        if (chunk->empty()) break;
        if (!co_await response.write(chunk->view())) co_return;
      }
      co_await response.finish();
    } else if (request.path == "/big") {
      auto sent = co_await response.send(200, {}, std::string(8 << 20, 'x'));
      failed += sent ? 0 : 1;
    } else {
      co_await response.send(200, {}, "hello");
    }
  }
  int served = 0;
  int failed = 0;
};

class Upload final : public Body {
 public:
  explicit Upload(std::size_t bytes) : left_(bytes), length_(bytes) {}
  Task<IoResult<async::Chunk>> read() override {
    const std::size_t n = std::min<std::size_t>(left_, 30'000);
    left_ -= n;
    co_return async::Chunk::copy_of(std::string(n, 'u'));
  }
  std::optional<std::uint64_t> length() const override { return length_; }

 private:
  std::size_t left_, length_;
};

struct Place {
  async::EpollLoop& loop;
  Echo& service;
  Server& server;
  Client& client;
  net::Address address;
  std::string url;
  TaskGroup& group;  // the server runs in it
};
using Script = Task<void> (*)(Place);

Task<bool> patiently(Task<void> task) {
  co_await std::move(task);
  co_return !(co_await async::current_scope()).cancelled();
}

Task<void> in_place(async::EpollLoop& loop, Script script, ServerOptions options,
                    net::Address address) {
  Echo service;
  Server server(loop, service, options);
  TaskGroup group(loop);
  net::Listener listener(loop, net::listen_on(address));
  address = listener.address();
  group.spawn(server.run(std::move(listener)));
  SocketDialer dialer(loop);
  {
    Client client(loop, dialer);
    const std::string url = address.is_path() ? "http://nuri.internal" : "http://" + address.str();
    EXPECT_TRUE(co_await within(
        kPatience, patiently(script({loop, service, server, client, address, url, group}))));
  }
  server.drain();
  EXPECT_TRUE(co_await within(
      kPatience, patiently([](TaskGroup& g) -> Task<void> { co_await g.join(); }(group))));
  EXPECT_EQ(server.connections(), 0U);
}

void play(Script script, ServerOptions options = {},
          net::Address address = net::Address::loopback(0)) {
  async::EpollLoop loop;
  loop.run(in_place(loop, script, options, address));
}

Task<std::string> text_of(IoResult<ClientResponse> response) {
  if (!response) co_return std::string(describe(response.error()));
  auto body = co_await read_all(*response->body, 100 << 20);
  co_return body ? *body : std::string(describe(body.error()));
}

Task<void> ask_often(Place p, int times, int& answered) {
  for (int i = 0; i < times; ++i)
    if (co_await text_of(co_await p.client.request({.url = p.url + "/x"})) == "hello") ++answered;
}

TEST(SocketServer, ServesManyConnectionsAtOnce) {
  play([](Place p) -> Task<void> {
    int answered = 0;
    TaskGroup clients(p.loop);
    for (int i = 0; i < 50; ++i) clients.spawn(ask_often(p, 20, answered));
    co_await clients.join();
    EXPECT_EQ(answered, 1000);
  });
}

TEST(SocketServer, ServesOnAPath) {
  const std::string path = "/tmp/nuri-http-test-" + std::to_string(::getpid()) + ".sock";
  play(
      [](Place p) -> Task<void> {
        EXPECT_EQ(co_await text_of(co_await p.client.request({.url = p.url, .via = p.address})),
                  "hello");
        EXPECT_EQ(co_await text_of(co_await p.client.request({.url = p.url})),
                  describe(IoError::unreachable));
      },
      {}, *net::Address::parse("unix:" + path));
  std::filesystem::remove(path);
}

TEST(SocketServer, AnAnswerThatComesEarlyStopsALargeUpload) {
  play([](Place p) -> Task<void> {
    constexpr std::size_t kBytes = 20 << 20;
    ClientRequest request{.method = "PUT", .url = p.url + "/echo"};
    request.upload = std::make_unique<Upload>(kBytes);
    auto response = co_await p.client.request(std::move(request));
    EXPECT_EQ(response->status, 200);
    response->body.reset();
    EXPECT_EQ(p.client.kept(), 0U);
    EXPECT_EQ(co_await text_of(co_await p.client.request({.url = p.url + "/big"})),
              std::string(8 << 20, 'x'));
  });
}

TEST(SocketClient, KnowsLocalhostWithoutAskingAnybody) {
  play([](Place p) -> Task<void> {
    const std::string port = ":" + std::to_string(p.address.port()) + "/";
    for (const char* host : {"localhost", "app.localhost", "127.0.0.1"})
      EXPECT_EQ(co_await text_of(co_await p.client.request({.url = "http://" + (host + port)})),
                "hello");
    for (const char* url : {"http://nuri.invalid/", "http://127.0.0.1.nip.example/"})
      EXPECT_EQ((co_await p.client.request({.url = url})).error(), IoError::unreachable);
    EXPECT_FALSE(co_await p.client.request({.url = "https://localhost" + port}));
  });
}

Task<void> send_all(net::Stream& stream, std::string head, std::size_t bytes, char fill) {
  co_await stream.send(head);
  const std::string piece(100'000, fill);
  for (std::size_t left = bytes; left > 0;) {
    const std::size_t n = std::min(left, piece.size());
    if (!co_await stream.send(std::string_view(piece).substr(0, n))) co_return;
    left -= n;
  }
  stream.shutdown_send();
}

TEST(SocketServer, EchoesMoreThanAnyBufferHolds) {
  play([](Place p) -> Task<void> {
    constexpr std::size_t kBytes = 30 << 20;
    auto stream = co_await net::connect(p.loop, p.address);
    TaskGroup sender(p.loop);
    sender.spawn(send_all(
        **stream,
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(kBytes) + "\r\n\r\n",
        kBytes, 'e'));
    std::size_t received = 0, echoed = 0;
    for (;;) {
      auto chunk = co_await (*stream)->recv();
      if (!chunk || chunk->empty()) break;
      received += chunk->size();
      echoed += static_cast<std::size_t>(std::ranges::count(chunk->view(), 'e'));
    }
    co_await sender.join();
    EXPECT_GE(echoed, kBytes);
    EXPECT_LT(received - kBytes, 1000U);
  });
}

// A login session often begins with 1024.
void allow_many_descriptors() {
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  limit.rlim_cur = limit.rlim_max;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
}

// More clients than the loop has buffers say half a head, and then nothing.
TEST(SocketServer, SilentClientsHoldNoBuffers) {
  allow_many_descriptors();
  play([](Place p) -> Task<void> {
    std::vector<std::unique_ptr<net::SocketStream>> silent;
    for (int i = 0; i < 700; ++i) {
      auto stream = co_await net::connect(p.loop, p.address);
      EXPECT_TRUE(stream) << describe(stream.error());
      if (!stream) co_return;
      co_await (*stream)->send("GET / HTTP/1.1\r\nHos");
      silent.push_back(std::move(*stream));
    }
    int answered = 0;
    co_await ask_often(p, 10, answered);
    EXPECT_EQ(answered, 10);
    EXPECT_EQ(p.server.connections(), 701U);
    for (int i = 0; i < 3; ++i) {
      co_await silent[static_cast<std::size_t>(i)]->send("t: a\r\n\r\n");
      auto chunk = co_await silent[static_cast<std::size_t>(i)]->recv();
      EXPECT_TRUE(chunk->view().starts_with("HTTP/1.1 200 OK"));
    }
  });
}

TEST(SocketServer, AtItsLimitTheLongestIdleConnectionGivesWay) {
  play(
      [](Place p) -> Task<void> {
        auto idle = co_await net::connect(p.loop, p.address);
        co_await (*idle)->send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        auto answer = co_await (*idle)->recv();
        EXPECT_TRUE(answer->view().ends_with("hello"));
        answer->reset();
        auto busy = co_await net::connect(p.loop, p.address);
        co_await (*busy)->send("GET");
        auto third = co_await net::connect(p.loop, p.address);
        co_await (*third)->send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        EXPECT_TRUE((co_await (*third)->recv())->view().ends_with("hello"));
        EXPECT_TRUE((co_await (*idle)->recv())->empty());
        co_await (*busy)->send(" / HTTP/1.1\r\nHost: a\r\n\r\n");
        EXPECT_TRUE((co_await (*busy)->recv())->view().ends_with("hello"));
      },
      {.max_connections = 2});
}

TEST(SocketServer, AClientThatLeavesInTheMiddleIsNoticed) {
  play([](Place p) -> Task<void> {
    {
      auto stream = co_await net::connect(p.loop, p.address);
      co_await (*stream)->send("GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
      EXPECT_FALSE((co_await (*stream)->recv())->empty());
    }
    while (p.server.connections() > 0) co_await async::yield();
    EXPECT_EQ(p.service.failed, 1);
  });
}

TEST(SocketServer, AnAnswerArrivesThoughTheRequestWasNotRead) {
  play([](Place p) -> Task<void> {
    auto stream = co_await net::connect(p.loop, p.address);
    TaskGroup sender(p.loop);
    sender.spawn(send_all(**stream, "PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 400000\r\n\r\n",
                          200'000, 'z'));
    std::string received;
    for (;;) {
      auto chunk = co_await (*stream)->recv();
      if (!chunk || chunk->empty()) break;
      received += chunk->view();
    }
    co_await sender.join();
    EXPECT_TRUE(received.ends_with("hello")) << received;
  });
}

TEST(SocketServer, DrainingClosesTheListenerAndLetsRequestsEnd) {
  play([](Place p) -> Task<void> {
    auto busy = co_await net::connect(p.loop, p.address);
    co_await (*busy)->send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab");
    std::string received;
    while (!received.ends_with("ab")) received += (co_await (*busy)->recv())->view();
    p.server.drain();
    IoResult<std::unique_ptr<net::SocketStream>> late = std::unexpected(IoError::other);
    do {
      late = co_await net::connect(p.loop, p.address);
    } while (late);
    EXPECT_EQ(late.error(), IoError::refused);
    co_await (*busy)->send("cd");
    for (;;) {
      auto chunk = co_await (*busy)->recv();
      if (!chunk || chunk->empty()) break;
      received += chunk->view();
    }
    EXPECT_TRUE(received.ends_with("abcd"));
    co_await p.group.join();
  });
}

TEST(SocketServer, DrainingDoesNotWaitForEver) {
  play(
      [](Place p) -> Task<void> {
        auto stuck = co_await net::connect(p.loop, p.address);
        co_await (*stuck)->send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab");
        EXPECT_FALSE((co_await (*stuck)->recv())->empty());
        p.server.drain();
        co_await p.group.join();
        EXPECT_EQ(p.server.connections(), 0U);
      },
      {.drain_deadline = 50ms});
}

TEST(SocketServer, CancellingItCutsEveryConnection) {
  play([](Place p) -> Task<void> {
    auto stuck = co_await net::connect(p.loop, p.address);
    co_await (*stuck)->send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab");
    EXPECT_FALSE((co_await (*stuck)->recv())->empty());
    p.group.cancel();
    co_await p.group.join();
    EXPECT_EQ(p.server.connections(), 0U);
  });
}

}  // namespace
}  // namespace nuri::http

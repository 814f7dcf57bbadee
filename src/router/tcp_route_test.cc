#include "router/tcp_route.h"

#include <fmt/format.h>

#include "async/deadline.h"
#include "async/epoll_loop.h"
#include "router/tcp_ports.h"
#include "router/test_worker.h"

// Connections to the ports of TCP routes, over real sockets.

namespace nuri::router {
namespace {

class TcpRouteTest : public testing::Test {
 protected:
  TcpRouteTest() { router_.worker().listen_tcp(kPort, listen_here(port_)); }
  void put(std::vector<std::string> addresses) { router_.put(tcp_host_of(kPort), addresses); }
  Talk talk() const { return Talk::to(port_); }

  // Of the route; what the socket is bound to is the kernel's choice.
  static constexpr std::uint16_t kPort = 10001;
  std::uint16_t port_ = 0;
  TestWorker router_;
};

// Says back what it hears, and ends when the client has finished.
void echo(Talk& talk) {
  for (std::string bytes; !(bytes = talk.hear(1)).empty();) talk.say(bytes);
}

TEST(TcpPort, IsWhatComesAfterAColonAndIsNotTheSystems) {
  EXPECT_EQ(tcp_port_of(":10001"), 10001);
  EXPECT_EQ(tcp_port_of(":65535"), 65535);
  for (const char* text :
       {"", ":", "10001", ":80", ":1023", ":65536", ":010001", ":10001x", ":-1", "a.test:10001"})
    EXPECT_FALSE(tcp_port_of(text)) << text;
  EXPECT_EQ(tcp_port_of(tcp_host_of(10001)), 10001);
}

TEST_F(TcpRouteTest, BytesGoBothWaysAndOneSideMayFinishFirst) {
  Instance app([](Talk& talk) {
    const std::string heard = talk.hear_all();
    talk.say("heard " + heard);
  });
  put({app.address()});
  Talk client = talk();
  client.say("hello");
  client.finish();
  EXPECT_EQ(client.hear_all(), "heard hello");
}

TEST_F(TcpRouteTest, AnInstanceThatCannotBeConnectedToIsPassedOver) {
  Instance gone(echo), app(echo);
  gone.stop_listening();
  put({gone.address(), app.address()});
  for (int n = 0; n < 4; ++n) {
    Talk client = talk();
    client.say("a");
    EXPECT_EQ(client.hear(1), "a");
  }
}

TEST_F(TcpRouteTest, TheInstanceWithTheLeastConnectionsIsNext) {
  Instance one(echo), two(echo);
  put({one.address(), two.address()});
  std::vector<Talk> clients;
  for (int n = 0; n < 6; ++n) {
    clients.push_back(talk());
    clients.back().say("a");
    EXPECT_EQ(clients.back().hear(1), "a");
  }
  EXPECT_EQ(one.connections(), 3U);
  EXPECT_EQ(two.connections(), 3U);
}

TEST_F(TcpRouteTest, WithoutAnInstanceTheClientIsReset) {
  put({});
  Talk client = talk();
  EXPECT_TRUE(client.ended());
  EXPECT_TRUE(client.was_reset());
}

TEST_F(TcpRouteTest, AConnectionIsInFlightAndGoesOnWhileTheRouterDrains) {
  Instance app(echo);
  put({app.address()});
  Talk client = talk();
  client.say("a");
  EXPECT_EQ(client.hear(1), "a");
  std::promise<void> drained;
  router_.worker().drain(20s, {}, [&] { drained.set_value(); });
  auto over = drained.get_future();
  client.say("b");
  EXPECT_EQ(client.hear(1), "b");
  EXPECT_EQ(over.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  client.finish();
  EXPECT_EQ(over.wait_for(std::chrono::seconds(20)), std::future_status::ready);
}

TEST_F(TcpRouteTest, WhatWasPassedOnIsCounted) {
  Instance app(echo);
  put({app.address()});
  Talk client = talk();
  client.say("abc");
  client.finish();
  EXPECT_EQ(client.hear_all(), "abc");
  ASSERT_TRUE(eventually([&] {
    std::promise<Counted> told;
    router_.worker().count([&](Counted counted) { told.set_value(std::move(counted)); });
    const Counted counted = told.get_future().get();
    return counted.routes.size() == 1 && counted.routes[0].counters.in_flight == 0 &&
           counted.routes[0].counters.received_bytes == 3 &&
           counted.routes[0].counters.sent_bytes == 3 && counted.routes[0].host == ":10001";
  }));
}

class TcpPortsTest : public testing::Test {
 protected:
  TcpPortsTest() {
    workers_.push_back(std::make_unique<Worker>(WorkerOptions{.loop = loop_kind()}));
    std::uint16_t apps = 0;
    listeners_.push_back({"apps", listen_here(apps)});
    // One that is free now.
    listen_here(port_);
  }
  TableChange put() const {
    model::RouteEntry entry;
    entry.host = tcp_host_of(port_);
    return {{entry}, {}};
  }
  // Until the port is open.
  Task<void> free_later(std::optional<Fd>& other) {
    async::TaskGroup group(co_await async::current_scope());
    group.spawn(ports_.try_again());
    (void)co_await async::sleep(150ms);
    EXPECT_EQ(listeners_.size(), 1U);
    other.reset();
    for (int n = 0; n < 100 && listeners_.size() == 1; ++n) (void)co_await async::sleep(20ms);
    group.cancel();
    co_await group.join();
  }
  Workers workers_;
  std::vector<net::HandedIn> listeners_;
  TcpPorts ports_{workers_, listeners_};
  std::uint16_t port_ = 0;
};

TEST_F(TcpPortsTest, APortIsOpenWhileItHasARouteAndTheRouterHasBegun) {
  ports_.follow(put());
  EXPECT_EQ(listeners_.size(), 1U);
  ports_.begin();
  ASSERT_EQ(listeners_.size(), 2U);
  EXPECT_EQ(listeners_[1].name, fmt::format("tcp-{}", port_));
  EXPECT_EQ(net::local_address(listeners_[1].fd.get()).port(), port_);
  ports_.follow({{}, {{tcp_host_of(port_), ""}}});
  EXPECT_EQ(listeners_.size(), 1U);
}

TEST_F(TcpPortsTest, APortThatIsTakenIsOpenedOnceItIsFree) {
  std::optional<Fd> other = net::listen_on(net::Address::loopback(port_));
  ports_.follow(put());
  ports_.begin();
  EXPECT_EQ(listeners_.size(), 1U);
  async::EpollLoop loop;
  loop.run(free_later(other));
  EXPECT_EQ(listeners_.size(), 2U);
}

TEST_F(TcpPortsTest, WhoDrainsOpensNone) {
  ports_.begin();
  ports_.end();
  ports_.follow(put());
  EXPECT_EQ(listeners_.size(), 1U);
}

TEST_F(TcpPortsTest, APredecessorsSocketIsTakenAndOneWithoutARouteIsClosed) {
  std::uint16_t theirs = 0;
  std::vector<net::HandedIn> held;
  held.push_back({fmt::format("tcp-{}", port_), listen_here(theirs)});
  held.push_back({"tcp-1", listen_here(theirs)});
  held.push_back({"apps", listen_here(theirs)});
  const int socket = held[0].fd.get();
  ports_.inherit(std::move(held));
  ports_.follow(put());
  ports_.begin();
  ASSERT_EQ(listeners_.size(), 2U);
  EXPECT_EQ(listeners_[1].fd.get(), socket);
}

TEST_F(TcpPortsTest, APredecessorsSocketAtAnotherAddressIsNotTaken) {
  std::vector<net::HandedIn> held;
  const auto other = net::Address::parse(fmt::format("127.0.0.2:{}", port_));
  held.push_back({fmt::format("tcp-{}", port_), net::listen_on(*other)});
  ports_.inherit(std::move(held));
  ports_.follow(put());
  ports_.begin();
  ASSERT_EQ(listeners_.size(), 2U);
  EXPECT_EQ(net::local_address(listeners_[1].fd.get()), net::Address::loopback(port_));
}

}  // namespace
}  // namespace nuri::router

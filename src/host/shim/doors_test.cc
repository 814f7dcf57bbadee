#include "host/shim/doors.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <fstream>

#include "host/shim/packet_socket.h"
#include "host/shim/sandbox_fixture.h"

namespace nuri::shim {
namespace {

using door::Handshake;
using door::Refusal;
using door::Refused;
using door::Verb;
using testing::ElementsAre;
using testing::HasSubstr;

#define ASSERT_STARTED(sandbox)                                      \
  do {                                                               \
    Handshake answer = (sandbox).start();                            \
    ASSERT_EQ(answer.step, Handshake::Step::started) << answer.text; \
  } while (false)

door::Request sockets_request(std::uint32_t count) {
  door::Request request;
  request.verb = Verb::sockets;
  request.count = count;
  return request;
}

// Asks until something listens.
door::Reply await_sockets(DoorClient& client, std::uint32_t count = 1) {
  door::Reply reply;
  EXPECT_TRUE(eventually([&] {
    reply = client.ask(sockets_request(count));
    return std::holds_alternative<door::Sockets>(reply.body);
  })) << door::encode(reply);
  return reply;
}

bool connect_to(int socket, const std::string& to) {
  std::size_t colon = to.rfind(':');
  auto port = static_cast<std::uint16_t>(std::stoi(to.substr(colon + 1)));
  sockaddr_storage address{};
  socklen_t size = sizeof(sockaddr_in);
  if (to.front() == '[') {
    auto& v6 = reinterpret_cast<sockaddr_in6&>(address);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    ::inet_pton(AF_INET6, to.substr(1, colon - 2).c_str(), &v6.sin6_addr);
    size = sizeof v6;
  } else {
    auto& v4 = reinterpret_cast<sockaddr_in&>(address);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    ::inet_pton(AF_INET, to.substr(0, colon).c_str(), &v4.sin_addr);
  }
  int connected = ::connect(socket, reinterpret_cast<sockaddr*>(&address), size);
  if (connected != 0 && errno != EINPROGRESS) return false;
  pollfd wait{socket, POLLOUT, 0};
  if (::poll(&wait, 1, 5000) != 1) return false;
  int error = 0;
  socklen_t error_size = sizeof error;
  ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &error_size);
  return error == 0;
}

std::string get(int socket) {
  constexpr std::string_view kRequest = "GET / HTTP/1.0\r\n\r\n";
  if (::send(socket, kRequest.data(), kRequest.size(), MSG_NOSIGNAL) < 0) return "send failed";
  std::string answer;
  char bytes[4096];
  for (;;) {
    pollfd wait{socket, POLLIN, 0};
    if (::poll(&wait, 1, 5000) != 1) return answer + " (timed out)";
    ssize_t n = ::recv(socket, bytes, sizeof bytes, 0);
    if (n <= 0) return answer;
    answer.append(bytes, static_cast<std::size_t>(n));
  }
}

class Listener : public testing::TestWithParam<std::pair<const char*, const char*>> {};

TEST_P(Listener, IsReachedThroughTheDoor) {
  TestSandbox sandbox;
  sandbox.spec.argv = {"/bin/httpd", "-f", "-p", GetParam().first, "-h", "/www"};
  ASSERT_STARTED(sandbox);
  DoorClient door(sandbox.door_path());
  door::Reply reply = await_sockets(door, 32);
  const auto& sockets = std::get<door::Sockets>(reply.body);
  EXPECT_EQ(sockets.to, GetParam().second);
  EXPECT_EQ(sockets.count, 32U);
  ASSERT_EQ(door.fds().size(), 32U);
  for (Fd& fd : door.fds()) {
    ASSERT_TRUE(connect_to(fd.get(), sockets.to));
    EXPECT_THAT(get(fd.get()), HasSubstr("hello from inside"));
  }
}

INSTANTIATE_TEST_SUITE_P(Doors, Listener,
                         testing::Values(std::pair("127.0.0.1:8080", "127.0.0.1:8080"),
                                         std::pair("0.0.0.0:8080", "127.0.0.1:8080"),
                                         std::pair("[::1]:8080", "[::1]:8080"),
                                         std::pair("8080", "[::1]:8080"),
                                         std::pair("192.0.0.8:8080", "192.0.0.8:8080")));

TEST(Doors, ConnectionsComeFromTheDocumentedAddressAndAreReadyToUse) {
  TestSandbox sandbox;
  sandbox.spec.argv = {"/bin/httpd", "-f", "-p", "127.0.0.1:8080"};
  ASSERT_STARTED(sandbox);
  DoorClient door(sandbox.door_path());
  auto reply = await_sockets(door);
  int socket = door.fds().front().get();
  ASSERT_TRUE(connect_to(socket, std::get<door::Sockets>(reply.body).to));
  sockaddr_in from{};
  socklen_t size = sizeof from;
  ASSERT_EQ(::getsockname(socket, reinterpret_cast<sockaddr*>(&from), &size), 0);
  EXPECT_STREQ(::inet_ntoa(from.sin_addr), "192.0.0.8");
  int no_delay = 0;
  size = sizeof no_delay;
  ::getsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &no_delay, &size);
  EXPECT_EQ(no_delay, 1);
}

TEST(Doors, AWrongPortIsAnsweredWithTheRightOne) {
  TestSandbox sandbox;
  sandbox.spec.argv = {"/bin/httpd", "-f", "-p", "127.0.0.1:3000"};
  ASSERT_STARTED(sandbox);
  DoorClient ctl(sandbox.ctl_path());
  ASSERT_TRUE(eventually([&] {
    auto reply = ctl.ask({.verb = Verb::listening});
    return std::get<door::Listening>(reply.body).ports == std::vector<std::uint16_t>{3000};
  }));
  auto reply = ctl.ask(sockets_request(1));
  ASSERT_TRUE(std::holds_alternative<Refusal>(reply.body));
  const auto& refusal = std::get<Refusal>(reply.body);
  EXPECT_EQ(refusal.why, Refused::not_listening);
  EXPECT_EQ(refusal.text, "nothing listens on port 8080; it listens on: 3000");
  EXPECT_THAT(refusal.ports, ElementsAre(3000));
  door::Request other = sockets_request(1);
  other.port = 3000;
  EXPECT_TRUE(std::holds_alternative<door::Sockets>(ctl.ask(other).body));
}

TEST(Doors, AFrozenAppUsesNoTimeAndARequestThawsIt) {
  TestSandbox sandbox;
  sandbox.sh("httpd -p 127.0.0.1:8080 -h /www; while :; do :; done");
  ASSERT_STARTED(sandbox);
  DoorClient ctl(sandbox.ctl_path());
  await_sockets(ctl);
  auto stats = [&] { return std::get<door::Stats>(ctl.ask({.verb = Verb::stats}).body); };
  ASSERT_TRUE(eventually([&] { return stats().cpu_ns > 50'000'000; }));
  ASSERT_TRUE(std::holds_alternative<door::Done>(ctl.ask({.verb = Verb::freeze}).body));
  door::Stats before = stats();
  EXPECT_TRUE(before.frozen);
  auto later = std::chrono::steady_clock::now() + std::chrono::milliseconds(100);
  door::Stats after;
  eventually([&] {
    after = stats();
    return std::chrono::steady_clock::now() > later;
  });
  EXPECT_LT(after.cpu_ns - before.cpu_ns, 5'000'000U);
  DoorClient door(sandbox.door_path());
  auto reply = await_sockets(door);
  ASSERT_TRUE(connect_to(door.fds().front().get(), std::get<door::Sockets>(reply.body).to));
  EXPECT_THAT(get(door.fds().front().get()), HasSubstr("hello from inside"));
  EXPECT_FALSE(stats().frozen);
  ASSERT_TRUE(std::holds_alternative<door::Done>(ctl.ask({.verb = Verb::freeze}).body));
  ASSERT_TRUE(std::holds_alternative<door::Done>(door.ask({.verb = Verb::wake}).body));
  EXPECT_FALSE(stats().frozen);
}

TEST(Doors, AFrozenAppCanBeStopped) {
  TestSandbox sandbox;
  sandbox.spec.argv = {"/bin/sleep", "1000"};
  ASSERT_STARTED(sandbox);
  DoorClient ctl(sandbox.ctl_path());
  ASSERT_TRUE(std::holds_alternative<door::Done>(ctl.ask({.verb = Verb::freeze}).body));
  ASSERT_TRUE(std::holds_alternative<door::Done>(ctl.ask({.verb = Verb::stop}).body));
  EXPECT_EQ(sandbox.wait_exit().signal, SIGTERM);
}

TEST(Doors, StatsAreTheInstances) {
  TestSandbox sandbox;
  sandbox.sh("sleep 1000 & exec sleep 1000");
  ASSERT_STARTED(sandbox);
  DoorClient ctl(sandbox.ctl_path());
  ASSERT_TRUE(eventually([&] { return sandbox.inside().size() == 2; }));
  auto stats = std::get<door::Stats>(ctl.ask({.verb = Verb::stats}).body);
  EXPECT_EQ(stats.pids, 3U);  // and init
  EXPECT_GT(stats.cpu_ns, 0U);
  EXPECT_GT(stats.memory_bytes, 0U);
  EXPECT_GE(stats.memory_peak, stats.memory_bytes);
  EXPECT_GT(stats.disk_total, 8U << 20);
  EXPECT_GT(stats.disk_used, 0U);
  EXPECT_GT(stats.uptime_ns, 0);
}

TEST(Doors, WelcomeSaysWhoIsHere) {
  TestSandbox sandbox;
  sandbox.spec.index = 4;
  sandbox.spec.argv = {"/bin/sleep", "1000"};
  ASSERT_STARTED(sandbox);
  DoorClient ctl(sandbox.ctl_path());
  auto welcome = std::get<door::Welcome>(ctl.ask({}).body);
  EXPECT_EQ(welcome.guid, sandbox.spec.guid);
  EXPECT_EQ(welcome.app_guid, sandbox.spec.app_guid);
  EXPECT_EQ(welcome.index, 4U);
  EXPECT_EQ(welcome.port, 8080);
  EXPECT_EQ(welcome.pid, static_cast<std::uint32_t>(sandbox.shim()));
  EXPECT_EQ(welcome.init, static_cast<std::uint32_t>(sandbox.init()));
}

TEST(Doors, OnlyTheServerAndTheRouterComeIn) {
  TestSandbox sandbox;
  sandbox.spec.argv = {"/bin/sleep", "1000"};
  ASSERT_STARTED(sandbox);
  auto as_user = [](uid_t uid, gid_t gid, const std::string& path) {
    EXPECT_EQ(::setegid(gid), 0);
    EXPECT_EQ(::seteuid(uid), 0);
    DoorClient client(path, false);
    EXPECT_EQ(::seteuid(0), 0);
    EXPECT_EQ(::setegid(0), 0);
    return client.connected() && send_packet(client.socket(), door::encode(door::Request{})) &&
           !client.at_end_before_answer();
  };
  EXPECT_TRUE(as_user(61002, 61002, sandbox.ctl_path()));
  EXPECT_TRUE(as_user(61003, 61003, sandbox.door_path()));
  EXPECT_FALSE(as_user(61003, 61003, sandbox.ctl_path()));
  EXPECT_FALSE(as_user(61004, 61004, sandbox.ctl_path()));
  EXPECT_FALSE(as_user(61004, 61004, sandbox.door_path()));
  // The group alone is not enough.
  EXPECT_FALSE(as_user(61004, 61002, sandbox.ctl_path()));
  EXPECT_FALSE(as_user(61002, 61003, sandbox.door_path()));
}

TEST(Doors, RulesOfTheDoorsAreKept) {
  door::Request hello, stop{.verb = Verb::stop}, sockets{.verb = Verb::sockets};
  EXPECT_FALSE(check_request(hello, DoorKind::door, false));
  EXPECT_FALSE(check_request(sockets, DoorKind::door, true));
  EXPECT_FALSE(check_request(stop, DoorKind::ctl, true));
  EXPECT_EQ(check_request(stop, DoorKind::ctl, false)->why, Refused::version);
  for (Verb verb : {Verb::stop, Verb::freeze, Verb::thaw, Verb::stats}) {
    EXPECT_EQ(check_request({.verb = verb}, DoorKind::door, true)->why, Refused::bad_request);
  }
  hello.oldest = 2, hello.newest = 3;
  EXPECT_EQ(check_request(hello, DoorKind::ctl, false)->why, Refused::version);
  hello.oldest = 1;
  EXPECT_FALSE(check_request(hello, DoorKind::ctl, false));
}

TEST(Doors, NonsenseManyConnectionsAndASlowPeerDoNoHarm) {
  TestSandbox sandbox;
  sandbox.spec.argv = {"/bin/sleep", "1000"};
  ASSERT_STARTED(sandbox);
  DoorClient ctl(sandbox.ctl_path());
  ASSERT_TRUE(send_packet(ctl.socket(), "\xff\xff nonsense"));
  EXPECT_EQ(std::get<Refusal>(ctl.receive().body).why, Refused::bad_request);
  ASSERT_TRUE(send_packet(ctl.socket(), std::string(20'000, 'x')));
  EXPECT_TRUE(ctl.at_end());

  std::vector<DoorClient> crowd;
  for (int i = 0; i < 100; ++i) crowd.emplace_back(sandbox.door_path(), false);
  DoorClient other(sandbox.ctl_path());  // has seats of its own
  EXPECT_TRUE(std::holds_alternative<door::Stats>(other.ask({.verb = Verb::stats}).body));
  crowd.clear();

  DoorClient slow(sandbox.ctl_path());
  std::string question = door::encode({.verb = Verb::stats});
  EXPECT_TRUE(eventually([&] {
    while (send_packet(slow.socket(), question, {}, MSG_DONTWAIT)) {
    }
    return errno == EPIPE || errno == ECONNRESET;
  })) << "a peer that asks and never reads is still served";
  EXPECT_TRUE(std::holds_alternative<door::Stats>(other.ask({.verb = Verb::stats}).body));
}

TEST(Doors, AShimIsSmallAndHasNoWayBackToRoot) {
  TestSandbox sandbox;
  sandbox.sh("i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); done; exec sleep 1000");
  ASSERT_STARTED(sandbox);
  ASSERT_TRUE(eventually([&] { return sandbox.log_has("O line 1999"); }));
  std::ifstream in("/proc/" + std::to_string(sandbox.shim()) + "/smaps_rollup");
  std::string word;
  long kilobytes = 0, value = 0;
  while (in >> word) {
    if (word == "Private_Clean:" || word == "Private_Dirty:") {
      in >> value;
      kilobytes += value;
    }
  }
  RecordProperty("private_kib", static_cast<int>(kilobytes));
  EXPECT_GT(kilobytes, 0);
  EXPECT_LE(kilobytes, 400);
  std::string status = read_file("/proc/" + std::to_string(sandbox.shim()) + "/status");
  EXPECT_THAT(status, HasSubstr("Uid:\t61001\t61001\t61001\t61001"));
  EXPECT_THAT(status, HasSubstr("Gid:\t61001\t61001\t61001\t61001"));
  EXPECT_THAT(status, HasSubstr("Groups:\t61005"));
  EXPECT_THAT(status, HasSubstr("CapPrm:\t0000000000000000"));
  EXPECT_THAT(status, HasSubstr("CapBnd:\t0000000000000000"));
  EXPECT_THAT(status, HasSubstr("NoNewPrivs:\t1"));
}

}  // namespace
}  // namespace nuri::shim

#include "host/network.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <filesystem>
#include <functional>
#include <thread>

#include "base/error.h"
#include "base/random.h"
#include "host/kernel_file.h"
#include "host/netlink.h"
#include "host/program.h"
#include "host/test_network.h"
#include "host/test_realm.h"

namespace nuri::host {
namespace {

class NetworkTest : public testing::Test {
 protected:
  NetworkTest() { prepare_network(realm_); }

  void make_internet() { internet_.join_the_world(realm_); }

  // A member, so that it also sweeps when the constructor throws.
  struct Swept {
    TestRealm scratch;
    ~Swept() { sweep_network(scratch.realm()); }
  } swept_;
  const Realm& realm_ = swept_.scratch.realm();
  Namespace a_, b_;
  Internet internet_;
};

TEST_F(NetworkTest, ReachesDnsAtTheGatewayByUdpAndTcp) {
  connect_instance(realm_, 0, a_.pid());
  const std::string gateway = realm_.gateway().str();
  const Fd tcp(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const Fd keep = listener(tcp, gateway, 53);
  EXPECT_TRUE(reaches(a_, gateway, 53));

  const Fd server(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ASSERT_TRUE(bind_to(server, gateway, 53));
  const Fd client = a_.socket(SOCK_DGRAM);
  const sockaddr_in to = address(gateway, 53);
  ASSERT_EQ(::sendto(client.get(), "q", 1, 0, reinterpret_cast<const sockaddr*>(&to), sizeof to),
            1);
  ASSERT_TRUE(wait_for(server, POLLIN, 3000));
  char buffer[8];
  sockaddr_in from{};
  socklen_t size = sizeof from;
  ASSERT_EQ(::recvfrom(server.get(), buffer, 8, 0, reinterpret_cast<sockaddr*>(&from), &size), 1);
  EXPECT_EQ(ntohl(from.sin_addr.s_addr), realm_.address(0).bits);
  ASSERT_EQ(::sendto(server.get(), "a", 1, 0, reinterpret_cast<sockaddr*>(&from), size), 1);
  EXPECT_TRUE(wait_for(client, POLLIN, 3000)) << "the answer comes back";
}

TEST_F(NetworkTest, ReachesNothingElseOfTheHost) {
  connect_instance(realm_, 0, a_.pid());
  make_internet();
  const Fd any(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const Fd keep = listener(any, "0.0.0.0", 0);
  const int port = port_of(any);
  EXPECT_TRUE(blocked(a_, realm_.gateway().str(), port)) << "another port of the gateway";
  EXPECT_TRUE(blocked(a_, "198.51.100.1", port)) << "another address of the host";
  EXPECT_TRUE(blocked(a_, "127.0.0.1", port)) << "the host's loopback";
  EXPECT_TRUE(reaches(internet_, "198.51.100.1", port)) << "it is there for others";
  // 127.0.0.1 asked for over the wire, as root of a sandbox might try.
  a_.run([&] {
    write_kernel_file("/proc/sys/net/ipv4/conf/all/route_localnet", "1");
    run_program(
        {"/usr/sbin/ip", {"ip", "addr", "del", "127.0.0.1/8", "dev", "lo"}, {}, "", 5s, {}});
    run_program({"/usr/sbin/ip",
                 {"ip", "route", "add", "127.0.0.1/32", "via", realm_.gateway().str(), "dev",
                  "eth0", "onlink"},
                 {},
                 "",
                 5s,
                 {}});
  });
  EXPECT_TRUE(blocked(a_, "127.0.0.1", port));
}

TEST_F(NetworkTest, ReachesTheOutsideUnderTheHostsAddress) {
  connect_instance(realm_, 0, a_.pid());
  make_internet();
  ASSERT_TRUE(reaches(a_, "198.51.100.2", 80));
  sockaddr_in peer{};
  socklen_t size = sizeof peer;
  const Fd c(::accept4(internet_.listener().get(), reinterpret_cast<sockaddr*>(&peer), &size,
                       SOCK_CLOEXEC));
  ASSERT_TRUE(static_cast<bool>(c));
  EXPECT_EQ(ntohl(peer.sin_addr.s_addr), Ipv4::parse("198.51.100.1")->bits);
}

TEST_F(NetworkTest, TheOutsideReachesNoInstance) {
  connect_instance(realm_, 0, a_.pid());
  make_internet();
  Netlink::inside(internet_.fd())
      .add_default_route("eth0", *Ipv4::parse("198.51.100.1"), *Ipv4::parse("198.51.100.2"));
  const Fd s = a_.socket(SOCK_STREAM);
  const Fd keep = listener(s, "0.0.0.0", 8080);
  EXPECT_TRUE(blocked(internet_, realm_.address(0).str(), 8080));
}

TEST_F(NetworkTest, InstancesDoNotReachEachOtherWhateverTheBridgeSetting) {
  connect_instance(realm_, 0, a_.pid());
  connect_instance(realm_, 1, b_.pid());
  const Fd s = b_.socket(SOCK_STREAM);
  const Fd keep = listener(s, "0.0.0.0", 8080);
  const char* setting = "/proc/sys/net/bridge/bridge-nf-call-iptables";
  const auto before = read_file_if_there(setting);
  for (const char* value : {"0", "1"}) {
    if (before) write_kernel_file(setting, value);
    EXPECT_TRUE(blocked(a_, realm_.address(1).str(), 8080)) << "bridge-nf-call-iptables " << value;
  }
  if (before) write_kernel_file(setting, *before);
  run_program({"/usr/sbin/nft",
               {"nft", "add", "element", "inet", realm_.nft_table(), "allowed",
                fmt::format("{{ {} . {} }}", realm_.address(0).str(), realm_.address(1).str())},
               {},
               "",
               5s,
               {}});
  EXPECT_TRUE(reaches(a_, realm_.address(1).str(), 8080)) << "unless the pair is allowed";
}

TEST_F(NetworkTest, AForeignSourceAddressIsDropped) {
  connect_instance(realm_, 0, a_.pid());
  connect_instance(realm_, 1, b_.pid());
  const Fd server(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ASSERT_TRUE(bind_to(server, realm_.gateway().str(), 53));
  Netlink::inside(a_.fd()).add_address("eth0", {realm_.address(1), 32});
  const Fd forged = a_.socket(SOCK_DGRAM);
  ASSERT_TRUE(bind_to(forged, realm_.address(1).str(), 0));
  const sockaddr_in to = address(realm_.gateway().str(), 53);
  ::sendto(forged.get(), "f", 1, 0, reinterpret_cast<const sockaddr*>(&to), sizeof to);
  const Fd honest = b_.socket(SOCK_DGRAM);
  ASSERT_EQ(::sendto(honest.get(), "h", 1, 0, reinterpret_cast<const sockaddr*>(&to), sizeof to),
            1);
  ASSERT_TRUE(wait_for(server, POLLIN, 3000));
  char c = 0;
  ASSERT_EQ(::recv(server.get(), &c, 1, 0), 1);
  EXPECT_EQ(c, 'h') << "the forged packet, sent first, must not arrive";
}

TEST_F(NetworkTest, PreparingAgainKeepsConnectionsAndSweepingLeavesNothing) {
  connect_instance(realm_, 0, a_.pid());
  prepare_network(realm_);
  const Fd tcp(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const Fd keep = listener(tcp, realm_.gateway().str(), 53);
  EXPECT_TRUE(reaches(a_, realm_.gateway().str(), 53));
  sweep_network(realm_);
  Netlink here;
  EXPECT_EQ(here.index_of(realm_.interface(0)), 0);
  EXPECT_EQ(here.index_of(realm_.gateway_interface()), 0);
  EXPECT_NE(
      run_program(
          {"/usr/sbin/nft", {"nft", "list", "table", "inet", realm_.nft_table()}, {}, "", 5s, {}})
          .exit_code,
      0);
}

}  // namespace
}  // namespace nuri::host

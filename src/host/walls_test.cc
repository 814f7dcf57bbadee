// The walls of a sandbox, tried from inside a real one.

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "host/test_host.h"
#include "host/test_network.h"

namespace nuri::host {
namespace {

class WallsTest : public testing::Test {
 protected:
  WallsTest() {
    internet_.join_the_world(host_.realm());
    platform_ = Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    EXPECT_TRUE(bind_to(platform_, "0.0.0.0", 0));
    EXPECT_EQ(::listen(platform_.get(), 8), 0);
    port_ = std::to_string(port_of(platform_));
  }
  std::string connect_to(const std::string& name, const std::string& ip, const std::string& port) {
    return fmt::format("connect,{},{},{},{}", name, ip, port, kLongEnoughForALocalPacket);
  }
  TestHost host_;
  Internet internet_;
  Fd platform_;  // a port of the platform, on every address of this machine
  std::string port_;
};

TEST_F(WallsTest, AnInstanceReachesDnsAndTheOutsideAndNothingElse) {
  const std::string gateway = host_.realm().gateway().str();
  const Fd dns(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ASSERT_TRUE(bind_to(dns, gateway, 53));
  std::thread answers([&] {
    char question[64];
    sockaddr_in from{};
    socklen_t size = sizeof from;
    if (!wait_for(dns, POLLIN, 15'000)) return;
    if (::recvfrom(dns.get(), question, sizeof question, 0, reinterpret_cast<sockaddr*>(&from),
                   &size) > 0)
      ::sendto(dns.get(), "answer", 6, 0, reinterpret_cast<sockaddr*>(&from), size);
  });
  auto said = host_.run(host_.request({
      "ask,dns," + gateway + ",53",
      connect_to("outside", "198.51.100.2", "80"),
      connect_to("gateway", gateway, port_),
      connect_to("uplink", "198.51.100.1", port_),
      connect_to("loopback", "127.0.0.1", port_),
      connect_to("metadata", "169.254.169.254", "80"),
  }));
  answers.join();
  EXPECT_EQ(said["dns"], "answer");
  EXPECT_EQ(said["outside"], "connected");
  EXPECT_EQ(said["gateway"], "Connection timed out");
  EXPECT_EQ(said["uplink"], "Connection timed out");
  EXPECT_EQ(said["loopback"], "Connection refused") << "its own, where nobody listens";
  EXPECT_EQ(said["metadata"], "Connection timed out");
  EXPECT_FALSE(wait_for(platform_, POLLIN, 0)) << "nothing may have come through";
}

TEST_F(WallsTest, AnInstanceReachesNoOther) {
  const StartInstance listens = host_.request({"listen,8080", "wait"});
  const Started other = host_.instances().start(listens, {});
  ASSERT_TRUE(until([&] { return host_.said()["listen"] == "yes"; }));
  for (const char* bridge : {"0", "1"}) {
    const char* setting = "/proc/sys/net/bridge/bridge-nf-call-iptables";
    const auto before = read_file_if_there(setting);
    if (before) write_kernel_file(setting, bridge);
    auto said = host_.run(host_.request({connect_to("other", other.address, "8080")}));
    EXPECT_EQ(said["other"], "Connection timed out") << bridge;
    if (before) write_kernel_file(setting, *before);
  }
}

TEST_F(WallsTest, AnInstanceSeesNothingOfTheMachine) {
  auto said = host_.run(host_.request({
      "count,processes,/proc",
      "cat,shadow,/etc/shadow",
      "count,run,/run/nuri",
      "cat,memory,/sys/fs/cgroup/memory/memory.limit_in_bytes",
      "cat,memory2,/sys/fs/cgroup/memory.max",
      "count,blocks,/sys/block",
      "cat,cmdline,/proc/1/comm",
      "count,devices,/dev",
      "grep,groups,/proc/self/status,Groups:\t",
      "say,end,yes",
  }));
  EXPECT_EQ(said["end"], "yes");
  EXPECT_EQ(said["shadow"], "No such file or directory");
  EXPECT_EQ(said["run"], "No such file or directory");
  EXPECT_EQ(said["blocks"], "No such file or directory");
  const std::string limit = std::to_string(64u << 20);
  EXPECT_TRUE(said["memory"] == limit || said["memory2"] == limit) << "a runtime finds its limit";
  EXPECT_EQ(said["groups"], " ") << "no group of the host's";
}

TEST_F(WallsTest, TheMachinesDevicesStayItsOwn) {
  const auto owner = [] {
    struct stat st{};
    EXPECT_EQ(::stat("/dev/null", &st), 0);
    return st.st_uid;
  };
  const std::uint32_t before = owner();
  host_.run(host_.request({"say,end,yes"}));
  EXPECT_EQ(owner(), before) << "a runtime that gives its standard streams away gives this away";
}

TEST_F(WallsTest, WhatIsShownOfTheMachineIsReadOnly) {
  auto said = host_.run(host_.request({
      "writable,root,/",
      "writable,sys,/sys",
      "writable,cpus,/sys/devices/system/cpu",
      "writable,memory,/sys/fs/cgroup",
      "writable,memory1,/sys/fs/cgroup/memory",
      "writable,sysctl,/proc/sys",
      "writable,init,/.nuri/init",
  }));
  EXPECT_EQ(said["root"], "yes");
  for (const char* what : {"sys", "cpus", "memory", "memory1", "sysctl", "init"})
    EXPECT_NE(said[what], "yes") << what;
}

}  // namespace
}  // namespace nuri::host

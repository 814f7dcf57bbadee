#include "host/shim/tcp_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>

#include <algorithm>
#include <random>

namespace nuri::shim {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

constexpr std::string_view kTcp =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
    "inode\n"
    "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 "
    "17\n"
    "   1: 00000000:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 "
    "18\n"
    "   2: 0100007F:1F90 080000C0:C001 01 00000000:00000000 00:00000000 00000000  1000        0 "
    "19\n"
    "   3: 00000000:270F 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 "
    "20\n";
constexpr std::string_view kTcp6 =
    "  sl  local_address                         remote_address                        st\n"
    "   0: 00000000000000000000000000000000:1F90 00000000000000000000000000000000:0000 0A 0:0\n"
    "   1: 00000000000000000000000001000000:0051 00000000000000000000000000000000:0000 0A 0:0\n"
    "   2: 0000000000000000FFFF00000100007F:0052 00000000000000000000000000000000:0000 0A 0:0\n";

std::vector<ListenAddress> read(std::string_view text, bool v6, std::size_t piece = 4096) {
  TcpTable table(v6);
  while (!text.empty() && table.feed(text.substr(0, piece))) {
    text.remove_prefix(std::min(piece, text.size()));
  }
  return table.listening();
}

TEST(TcpTable, ListeningSocketsAreReadUpToTheFirstOther) {
  for (std::size_t piece : {1UL, 7UL, 100UL, 4096UL}) {
    auto listening = read(kTcp, false, piece);
    ASSERT_THAT(listening, SizeIs(2));
    EXPECT_EQ(to_text(listening[0]), "127.0.0.1:8080");
    EXPECT_TRUE(listening[0].is_loopback());
    EXPECT_TRUE(listening[1].is_any());
    EXPECT_EQ(to_text(listening[1]), "127.0.0.1:3000");
  }
}

TEST(TcpTable, Version6AddressesAreRead) {
  auto listening = read(kTcp6, true);
  ASSERT_THAT(listening, SizeIs(3));
  EXPECT_EQ(to_text(listening[0]), "[::1]:8080");
  EXPECT_TRUE(listening[0].is_any());
  EXPECT_EQ(to_text(listening[1]), "[::1]:81");
  EXPECT_TRUE(listening[1].is_loopback());
  EXPECT_FALSE(listening[2].v6);
  EXPECT_EQ(to_text(listening[2]), "127.0.0.1:82");
}

std::string diag_message(int type, int family, std::uint16_t port,
                         std::initializer_list<std::uint8_t> address) {
  struct {
    nlmsghdr header;
    inet_diag_msg body;
  } message{};
  message.header.nlmsg_len = sizeof message;
  message.header.nlmsg_type = static_cast<std::uint16_t>(type);
  message.body.idiag_family = static_cast<std::uint8_t>(family);
  message.body.id.idiag_sport = htons(port);
  std::copy(address.begin(), address.end(),
            reinterpret_cast<std::uint8_t*>(message.body.id.idiag_src));
  return {reinterpret_cast<const char*>(&message), sizeof message};
}

TEST(TcpTable, TheKernelsAnswersAreRead) {
  std::string dump = diag_message(SOCK_DIAG_BY_FAMILY, AF_INET, 8080, {127, 0, 0, 1}) +
                     diag_message(SOCK_DIAG_BY_FAMILY, AF_INET6, 81, {});
  std::vector<ListenAddress> out;
  EXPECT_TRUE(read_diag(dump, out));
  EXPECT_FALSE(read_diag(diag_message(NLMSG_DONE, 0, 0, {}), out));
  ASSERT_THAT(out, SizeIs(2));
  EXPECT_EQ(to_text(out[0]), "127.0.0.1:8080");
  EXPECT_EQ(to_text(out[1]), "[::1]:81");
  for (std::size_t cut = 0; cut < dump.size(); ++cut) {
    std::vector<ListenAddress> some;
    read_diag(std::string_view(dump).substr(0, cut), some);
    EXPECT_LE(some.size(), 1U);
  }
}

TEST(TcpTable, TheBestAddressOfAPortIsChosen) {
  ListenAddress veth{false, {10, 0, 0, 2}, 80}, any4{false, {}, 80}, any6{true, {}, 80};
  EXPECT_FALSE(choose({}, 80));
  EXPECT_FALSE(choose({any4}, 81));
  EXPECT_EQ(to_text(*choose({veth}, 80)), "10.0.0.2:80");
  EXPECT_EQ(to_text(*choose({veth, any6}, 80)), "[::1]:80");
  EXPECT_EQ(to_text(*choose({any6, veth, any4}, 80)), "127.0.0.1:80");
}

TEST(TcpTable, PortsAreSortedAndUnique) {
  ListenAddress a{false, {}, 80}, b{true, {}, 80}, c{false, {}, 22};
  EXPECT_THAT(ports_of({a, b, c}), ElementsAre(22, 80));
}

TEST(TcpTable, NonsenseNeverCrashesIt) {
  std::mt19937 random(3);
  for (int i = 0; i < 5'000; ++i) {
    std::string text(kTcp6);
    for (int flips = static_cast<int>(random() % 5); flips >= 0; --flips) {
      text[random() % text.size()] = static_cast<char>(random());
    }
    for (const ListenAddress& address : read(text, random() % 2 == 0, 1 + random() % 50)) {
      EXPECT_FALSE(to_text(address).empty());
    }
  }
  EXPECT_THAT(read(std::string(10'000, 'x'), false), SizeIs(0));
}

}  // namespace
}  // namespace nuri::shim

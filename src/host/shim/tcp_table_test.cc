#include "host/shim/tcp_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

#include "model/ip_range.h"

#include <gtest/gtest.h>

namespace nuri::model {
namespace {

bool in(std::string_view range, std::string_view address) {
  return IpRange::parse(range).value().contains(parse_ip(address).value());
}

TEST(IpRange, HoldsWhatIsBelowItsPrefix) {
  EXPECT_TRUE(in("10.0.0.0/8", "10.255.1.2"));
  EXPECT_FALSE(in("10.0.0.0/8", "11.0.0.0"));
  EXPECT_TRUE(in("192.0.2.128/25", "192.0.2.255"));
  EXPECT_FALSE(in("192.0.2.128/25", "192.0.2.127"));
  EXPECT_TRUE(in("2001:db8::/33", "2001:db8:7fff::1"));
  EXPECT_FALSE(in("2001:db8::/33", "2001:db8:8000::1"));
  EXPECT_TRUE(in("192.0.2.1", "192.0.2.1"));
  EXPECT_FALSE(in("192.0.2.1", "192.0.2.2"));
}

TEST(IpRange, AllOfIpv4IsNotAllOfIpv6) {
  EXPECT_TRUE(in("0.0.0.0/0", "198.51.100.7"));
  EXPECT_FALSE(in("0.0.0.0/0", "2001:db8::1"));
  EXPECT_TRUE(in("::/0", "2001:db8::1"));
  EXPECT_TRUE(in("::/0", "198.51.100.7"));
  EXPECT_TRUE(in("198.51.100.0/24", "::ffff:198.51.100.7")) << "the same address";
}

TEST(IpRange, ComesBackFromItsText) {
  for (const char* text :
       {"10.0.0.0/8", "0.0.0.0/0", "192.0.2.1/32", "2001:db8::/32", "::/0", "::1/128"})
    EXPECT_EQ(IpRange::parse(text).value().str(), text);
  EXPECT_EQ(IpRange::parse("192.0.2.1").value().str(), "192.0.2.1/32");
}

TEST(IpRange, RefusesWhatIsMistyped) {
  for (const char* text :
       {"", "10", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/8 ", "10.0.0.1/8", "10.0.0.0/-1",
        "10.0.0.0/+8", "::1/129", "fe80::1%eth0", "[::1]", "host", "10.0.0.0/8/8"})
    EXPECT_FALSE(IpRange::parse(text)) << text;
}

}  // namespace
}  // namespace nuri::model

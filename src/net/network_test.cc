#include "net/network.h"

#include <gtest/gtest.h>

#include <string>

#include "base/error.h"

namespace nuri::net {
namespace {

TEST(Networks, HoldTheAddressesOfTheirPrefixes) {
  const Networks some = Networks::parse("10.0.0.0/8,192.0.2.1,fd00::/8,2001:db8::/63", 9);
  for (const char* inside : {"10.0.0.0", "10.255.255.255", "192.0.2.1", "fd12::1",
                             "::ffff:10.1.2.3", "2001:db8::5", "2001:db8:0:1::5"})
    EXPECT_TRUE(some.hold(std::string_view(inside))) << inside;
  for (const char* outside : {"11.0.0.0", "9.255.255.255", "192.0.2.2", "fe80::1", "2001:db8:0:2::",
                              "", "10.0.0.1:80", "10.0.0", "[fd00::1]", "localhost"})
    EXPECT_FALSE(some.hold(std::string_view(outside))) << outside;
  EXPECT_TRUE(some.hold(*Address::parse("10.1.1.1:80")));
  EXPECT_TRUE(some.hold(*Address::parse("[::ffff:10.1.1.1]:80")));
  EXPECT_FALSE(some.hold(*Address::parse("unix:/10.1.1.1")));
  EXPECT_FALSE(some.hold(Address()));
}

TEST(Networks, OfEverybodyHoldEverybodyOfTheirFamily) {
  EXPECT_TRUE(Networks::parse("0.0.0.0/0", 9).hold("203.0.113.9"));
  EXPECT_FALSE(Networks::parse("0.0.0.0/0", 9).hold("2001:db8::1"));
  EXPECT_TRUE(Networks::parse("::/0", 9).hold("203.0.113.9"));
  EXPECT_TRUE(Networks::parse("", 9).empty());
}

TEST(Networks, ThatAreNoneAreRefused) {
  for (const char* text : {"10.0.0.0/33", "10.0.0.1/8", "fd00::/129", "fd00::1/64", "10.0.0.0/",
                           "10.0.0.0/-1", "10.0.0.0/8x", "host", "10.0.0.0/8,,", "/8", ","})
    EXPECT_THROW(Networks::parse(text, 9), Error) << text;
  EXPECT_THROW(Networks::parse("1.1.1.1,2.2.2.2", 1), Error);
}

}  // namespace
}  // namespace nuri::net

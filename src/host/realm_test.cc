#include "host/realm.h"

#include <gmock/gmock.h>

#include <filesystem>

#include "base/error.h"
#include "base/random.h"

namespace nuri::host {
namespace {

TEST(Realm, TheSameNameChoosesTheSame) {
  const RealmSettings settings{.name = "nuri"};
  const Realm a = choose_realm(settings, {}), b = choose_realm(settings, {});
  EXPECT_EQ(a.subnet.str(), b.subnet.str());
  EXPECT_EQ(a.uid_base, b.uid_base);
  EXPECT_EQ(a.subnet.prefix, 16);
  EXPECT_EQ(a.cgroup(), "nuri-nuri");
  EXPECT_EQ(a.state_dir, "/var/lib/nuri/nuri");
  EXPECT_NE(choose_realm({.name = "other"}, {}).interface_prefix(), a.interface_prefix());
}

TEST(Realm, WhatTheMachineUsesIsAvoided) {
  const RealmSettings settings{.name = "nuri"};
  MachineUse use;
  for (int i = 0; i < 50; ++i) {
    const Realm r = choose_realm(settings, use);
    for (const auto& route : use.routes) EXPECT_FALSE(route.overlaps(r.subnet));
    for (const auto& [first, count] : use.id_ranges)
      EXPECT_TRUE(r.uid_base >= first + count ||
                  r.instance_ids(kSlots - 1) + kIdsPerRange <= first);
    use.routes.push_back(r.subnet);
    if (use.id_ranges.size() < 20) use.id_ranges.emplace_back(r.uid_base, 70'000'000);
  }
}

TEST(Realm, NothingFreeIsSaid) {
  MachineUse use;
  use.routes = {*Ipv4Network::parse("10.0.0.0/8"), *Ipv4Network::parse("100.64.0.0/10")};
  EXPECT_THROW(choose_realm({.name = "nuri"}, use), Error);
}

TEST(Realm, ASettingThatClashesIsRefused) {
  MachineUse use;
  use.routes = {*Ipv4Network::parse("10.7.3.0/24")};
  RealmSettings settings{.name = "nuri", .subnet = Ipv4Network::parse("10.7.0.0/16")};
  EXPECT_THROW(choose_realm(settings, use), Error);
  settings.subnet = Ipv4Network::parse("10.8.0.0/16");
  EXPECT_EQ(choose_realm(settings, use).gateway().str(), "10.8.0.1");
}

TEST(Realm, NamesOnTheMachineFitTheirLimits) {
  const Realm r = choose_realm({.name = "a-realm-with-a-long-na"}, {});
  EXPECT_LE(r.interface(kSlots - 1).size(), 15u);
  EXPECT_LE(r.gateway_interface().size(), 15u);
  EXPECT_EQ(r.nft_table(), "nuri_a_realm_with_a_long_na");
  EXPECT_LT(r.address(kSlots - 1).bits, r.subnet.base.bits + 65'536);
}

TEST(Realm, ABadNameIsRefused) {
  for (const char* name : {"", "A", "../x", "a b", "1a", "a-name-that-is-much-too-long"})
    EXPECT_THROW(choose_realm({.name = name}, {}), Error) << name;
}

TEST(Realm, ARestartKeepsWhatWasChosen) {
  SystemRandom random;
  const std::string root = "/tmp/nuri-realm-" + std::to_string(random.next() % 100'000'000);
  RealmSettings settings{.name = "t1", .state_dir = root + "/state", .run_dir = root + "/run"};
  EXPECT_FALSE(find_realm(settings));
  const Realm first = open_realm(settings);
  const Realm again = open_realm(settings);
  EXPECT_EQ(first.subnet.str(), again.subnet.str());
  EXPECT_EQ(first.uid_base, again.uid_base);
  EXPECT_TRUE(find_realm(settings));
  settings.uid_base = first.uid_base + 1'000'000;
  EXPECT_THROW(open_realm(settings), Error);
  // A second realm beside it takes other user ids, whatever its hash says.
  RealmSettings beside{.name = "t1", .state_dir = root + "/state2", .run_dir = root + "/run2"};
  EXPECT_NE(open_realm(beside).uid_base, first.uid_base);
  std::filesystem::remove_all(root);
}

TEST(Realm, NetworksAreParsedStrictly) {
  EXPECT_TRUE(Ipv4Network::parse("10.0.0.0/16"));
  for (const char* text : {"10.0.0.0", "10.0.0.1/16", "10.0.0.0/33", "10.0.0/16", "x/16", ""})
    EXPECT_FALSE(Ipv4Network::parse(text)) << text;
}

}  // namespace
}  // namespace nuri::host

#include "base/guid.h"

#include <gtest/gtest.h>

#include <array>
#include <unordered_set>

namespace nuri {
namespace {

struct App;

TEST(GuidTest, IsVersionFourAndNeverTheSame) {
  SystemRandom random;
  std::unordered_set<Guid<App>> seen;
  for (int i = 0; i < 1000; ++i) {
    const auto guid = Guid<App>::make(random);
    EXPECT_TRUE(is_guid(guid.str())) << guid.str();
    EXPECT_EQ(guid.str()[14], '4');
    EXPECT_NE(std::string_view("89ab").find(guid.str()[19]), std::string_view::npos);
    EXPECT_TRUE(seen.insert(guid).second);
  }
}

TEST(GuidTest, ASeedMakesTheSameGuids) {
  SeededRandom a(7), b(7);
  EXPECT_EQ(make_guid_text(a), make_guid_text(b));
}

TEST(GuidTest, OnlyItsOwnFormIsOne) {
  EXPECT_TRUE(is_guid("01234567-89ab-4def-8123-456789abcdef"));
  EXPECT_FALSE(is_guid(""));
  EXPECT_FALSE(is_guid("01234567-89AB-4def-8123-456789abcdef"));
  EXPECT_FALSE(is_guid("01234567-89ab-4def-8123-456789abcde"));
  EXPECT_FALSE(is_guid("01234567-89ab-4def-8123-456789abcdef0"));
  EXPECT_FALSE(is_guid("0123456789-ab-4def-8123-456789abcdef"));
  EXPECT_FALSE(is_guid("../../../../../../../../etc/passwd.."));
}

TEST(RandomTest, BelowStaysBelowAndReachesEverything) {
  SeededRandom random(1);
  std::array<int, 10> hits{};
  for (int i = 0; i < 10'000; ++i) ++hits.at(random.below(10));
  for (const int n : hits) EXPECT_NEAR(n, 1000, 150);
  EXPECT_EQ(random.below(1), 0U);
}

TEST(RandomTest, SplitmixGivesThePublishedSequence) {
  SeededRandom random(1234567);
  EXPECT_EQ(random.next(), 6457827717110365317ULL);
  EXPECT_EQ(random.next(), 3203168211198807973ULL);
}

TEST(RandomTest, FillsEveryByte) {
  SystemRandom random;
  std::array<unsigned char, 13> all{};
  for (int i = 0; i < 64; ++i) {
    std::array<unsigned char, 13> some{};
    random.fill(some);
    for (std::size_t k = 0; k < some.size(); ++k) all[k] |= some[k];
  }
  for (const auto byte : all) EXPECT_EQ(byte, 0xff);
}

}  // namespace
}  // namespace nuri

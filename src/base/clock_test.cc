#include "base/clock.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace nuri {
namespace {

TEST(ClockTest, FormatsAndParsesRfc3339) {
  EXPECT_EQ(rfc3339({0}), "1970-01-01T00:00:00Z");
  EXPECT_EQ(rfc3339({-1}), "1969-12-31T23:59:59Z");
  EXPECT_EQ(rfc3339({1'709'210'096'999'999'999}), "2024-02-29T12:34:56Z");
  WallTime time;
  ASSERT_TRUE(parse_rfc3339("2024-02-29T12:34:56Z", time));
  EXPECT_EQ(time.ns, 1'709'210'096'000'000'000);
  ASSERT_TRUE(parse_rfc3339("2024-02-29T12:34:56.5Z", time));
  EXPECT_EQ(time.ns, 1'709'210'096'500'000'000);
  ASSERT_TRUE(parse_rfc3339("2024-02-29T12:34:56.123456789123Z", time));
  EXPECT_EQ(time.ns, 1'709'210'096'123'456'789);
}

TEST(ClockTest, ARoundTripKeepsTheSecond) {
  SeededRandom random(5);
  for (int i = 0; i < 2000; ++i) {
    const WallTime before{static_cast<std::int64_t>(random.below(8'000'000'000)) * 1'000'000'000};
    WallTime after;
    ASSERT_TRUE(parse_rfc3339(rfc3339(before), after)) << rfc3339(before);
    EXPECT_EQ(after, before);
  }
}

TEST(ClockTest, WhatIsNoTimeIsRefused) {
  WallTime time;
  for (const std::string_view bad :
       {"", "2024-02-29", "2024-02-29T12:34:56", "2024-02-29 12:34:56Z", "2024-13-01T00:00:00Z",
        "2024-00-01T00:00:00Z", "2024-01-32T00:00:00Z", "2024-01-01T24:00:00Z",
        "2024-01-01T00:60:00Z", "2024-01-01T00:00:61Z", "2024-01-01T00:00:00+01:00",
        "2024-01-01T00:00:00Zx", "2024-01-01T00:00:00.Z", "2023-02-29T00:00:00Z",
        "2024-04-31T00:00:00Z", "+024-01-01T00:00:00Z", "9999-01-01T00:00:00Z"})
    EXPECT_FALSE(parse_rfc3339(bad, time)) << bad;
}

TEST(ClockTest, TheSystemsMonotonicClockDoesNotGoBack) {
  const SystemClock clock;
  Time last = clock.now();
  for (int i = 0; i < 1000; ++i) {
    const Time now = clock.now();
    EXPECT_GE(now, last);
    last = now;
  }
}

}  // namespace
}  // namespace nuri

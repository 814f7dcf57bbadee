#include "plan/renewal.h"

#include <gtest/gtest.h>

namespace nuri::plan {
namespace {

constexpr WallTime kStart{1'700'000'000'000'000'000};
constexpr Duration kDay = 24h;

TEST(Renewal, AsksAtOnceWhereThereIsNone) { EXPECT_LE(next_attempt({}), kStart); }

TEST(Renewal, ComesAtTwoThirdsOfALife) {
  EXPECT_EQ(next_attempt({.current = {{kStart, kStart + 90 * kDay}}}), kStart + 60 * kDay);
  EXPECT_EQ(next_attempt({.current = {{kStart, kStart + 6 * kDay}}}), kStart + 4 * kDay);
}

TEST(Renewal, WaitsDoubleUpToADay) {
  EXPECT_EQ(retry_wait(0), Duration(0));
  EXPECT_EQ(retry_wait(1), 1h);
  EXPECT_EQ(retry_wait(2), 2h);
  EXPECT_EQ(retry_wait(5), 16h);
  EXPECT_EQ(retry_wait(6), 24h);
  EXPECT_EQ(retry_wait(1'000'000'000), 24h);
}

TEST(Renewal, WaitsAfterAFailureEvenIfTheCertificateIsLost) {
  const RenewalView none{.current = {}, .failures = 2, .last_failure = kStart, .not_earlier = {}};
  EXPECT_EQ(next_attempt(none), kStart + 2h);
  RenewalView expired = none;
  expired.current = {{kStart + -90 * kDay, kStart + -1h}};
  EXPECT_EQ(next_attempt(expired), kStart + 2h);
}

TEST(Renewal, TheAuthoritysWordCounts) {
  EXPECT_EQ(
      next_attempt(
          {.current = {}, .failures = 1, .last_failure = kStart, .not_earlier = kStart + 7 * kDay}),
      kStart + 7 * kDay);
}

TEST(Renewal, NeverComesSoonerThanAnHourAfterAFailure) {
  for (int failures = 1; failures < 20; ++failures)
    for (const int days : {1, 7, 90, 365})
      for (int age = 0; age < 400; age += 13) {
        const WallTime issued = kStart + -age * kDay;
        const WallTime at = next_attempt({.current = {{issued, issued + days * kDay}},
                                          .failures = failures,
                                          .last_failure = kStart,
                                          .not_earlier = {}});
        EXPECT_GE(at, kStart + 1h);
        EXPECT_LE(at, std::max(kStart + 24h, issued + days * kDay));
      }
}

}  // namespace
}  // namespace nuri::plan

#include "router/retry_budget.h"

#include <gtest/gtest.h>

namespace nuri::router {
namespace {

const Time kBegin{1'000'000'000'000};

int spend_all(RetryBudget& budget, Time now) {
  int taken = 0;
  while (taken < 10'000 && budget.take(now)) ++taken;
  return taken;
}

TEST(RetryBudget, ABurstIsThereFromTheBeginning) {
  RetryBudget budget;
  EXPECT_EQ(spend_all(budget, kBegin), 512);
}

TEST(RetryBudget, AShareOfTheRequestsMayBeSentAgain) {
  RetryBudget budget;
  spend_all(budget, kBegin);
  for (int n = 0; n < 100; ++n) budget.request();
  EXPECT_NEAR(spend_all(budget, kBegin), 20, 1);
}

TEST(RetryBudget, SomeComeBackWithTimeAlone) {
  RetryBudget budget;
  spend_all(budget, kBegin);
  EXPECT_EQ(spend_all(budget, kBegin + 50ms), 0);
  EXPECT_NEAR(spend_all(budget, kBegin + 1050ms), 10, 1);
}

TEST(RetryBudget, QuietTimesSaveUpNoMoreThanTheBurst) {
  RetryBudget budget;
  spend_all(budget, kBegin);
  for (int n = 0; n < 100'000; ++n) budget.request();
  EXPECT_EQ(spend_all(budget, kBegin + 1h), 512);
}

}  // namespace
}  // namespace nuri::router

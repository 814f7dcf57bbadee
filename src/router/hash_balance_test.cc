#include "router/hash_balance.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

namespace nuri::router {
namespace {

struct One {
  std::string id;
  int weight = 1;
};

std::string winner(const std::string& value, const std::vector<One>& of) {
  const One* best = nullptr;
  for (const One& one : of)
    if (!best || hash_score(value, one.id, one.weight) > hash_score(value, best->id, best->weight))
      best = &one;
  return best->id;
}

TEST(HashBalance, AnInstanceThatGoesMovesOnlyItsOwnValues) {
  const std::vector<One> all{{"a"}, {"b"}, {"c"}, {"d"}};
  const std::vector<One> fewer{{"a"}, {"b"}, {"c"}};
  for (int n = 0; n < 2000; ++n) {
    const std::string value = "tenant-" + std::to_string(n), before = winner(value, all);
    if (before != "d") {
      EXPECT_EQ(winner(value, fewer), before);
    }
  }
}

TEST(HashBalance, SharesFollowWeights) {
  std::map<std::string, int> got;
  for (int n = 0; n < 20'000; ++n) ++got[winner(std::to_string(n), {{"a", 1}, {"b", 1}, {"c", 2}})];
  EXPECT_NEAR(got["a"], 5000, 300);
  EXPECT_NEAR(got["b"], 5000, 300);
  EXPECT_NEAR(got["c"], 10'000, 300);
}

}  // namespace
}  // namespace nuri::router

#include "control/challenges.h"

#include "base/limits.h"
#include "control/test_control.h"

namespace nuri::control {
namespace {

class ChallengesTest : public ControlTest {
 protected:
  // The code that it failed with; nothing: it did not.
  std::optional<Code> set(const std::string& token, const std::string& authorization) {
    Challenges challenges(server_->routes);
    return outcome(challenges.set(token, authorization));
  }
  std::optional<Code> clear(const std::string& token) {
    Challenges challenges(server_->routes);
    return outcome(challenges.clear(token));
  }
  std::map<std::string, std::string> served() const {
    std::map<std::string, std::string> out;
    for (const auto& one : router_.challenges) out[one.token] = one.authorization;
    return out;
  }

 private:
  std::optional<Code> outcome(Task<void> task) {
    try {
      loop_.run(std::move(task));
      return std::nullopt;
    } catch (const Error& error) {
      return error.code();
    }
  }
};

using Map = std::map<std::string, std::string>;

TEST_F(ChallengesTest, AreServedFromWhenTheyAreSetUntilTheyAreCleared) {
  EXPECT_EQ(set("one", "one.key"), std::nullopt);
  EXPECT_EQ(served(), (Map{{"one", "one.key"}}));
  EXPECT_EQ(set("two", "two.key"), std::nullopt);
  EXPECT_EQ(served(), (Map{{"one", "one.key"}, {"two", "two.key"}}));
  EXPECT_EQ(clear("one"), std::nullopt);
  EXPECT_EQ(served(), (Map{{"two", "two.key"}}));
  EXPECT_EQ(clear("one"), std::nullopt) << "it is gone already";
}

TEST_F(ChallengesTest, StayWhileTheRowsChange) {
  ASSERT_EQ(set("one", "one.key"), std::nullopt);
  serving_app("shop");
  EXPECT_EQ(served(), (Map{{"one", "one.key"}}));
}

TEST_F(ChallengesTest, ARouterThatCannotBeReachedIsSaidAndNothingIsLeftBehind) {
  router_.reachable = false;
  EXPECT_EQ(set("one", "one.key"), Code::unavailable);
  router_.reachable = true;
  ASSERT_TRUE(loop_.run(server_->routes.sync(5s)));
  EXPECT_EQ(served(), Map());
  ASSERT_EQ(set("one", "one.key"), std::nullopt);
  router_.reachable = false;
  EXPECT_EQ(clear("one"), Code::unavailable);
  router_.reachable = true;
  EXPECT_TRUE(until([&] { return served().empty(); }, 5s));
}

TEST_F(ChallengesTest, HaveALimit) {
  for (std::size_t n = 0; n < limits::kAcmeChallenges; ++n)
    ASSERT_TRUE(server_->routes.set_challenge(std::to_string(n), "key"));
  EXPECT_EQ(set("one more", "key"), Code::unavailable);
  EXPECT_EQ(set("7", "another key"), std::nullopt) << "it takes its own place";
  EXPECT_EQ(served().size(), limits::kAcmeChallenges);
}

}  // namespace
}  // namespace nuri::control

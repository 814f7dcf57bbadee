#include "acme/preflight.h"

#include <gtest/gtest.h>

#include "acme/test_wellknown.h"
#include "async/simulated_loop.h"

namespace nuri::acme {
namespace {

struct Answers final : TokenKeeper, Fetcher {
  Task<Fetched> fetch(std::string url) override {
    asked = url;
    Fetched out = given;
    if (ours) out.body = tokens[url.substr(url.rfind('/') + 1)];
    co_return out;
  }
  std::string asked;
  Fetched given;
  bool ours = false;
};

std::string check(Answers& answers) {
  async::SimulatedLoop loop(1);
  SeededRandom random(1);
  const auto wrong = loop.run(preflight("a.example.com", 80, answers, answers, random));
  EXPECT_TRUE(answers.tokens.empty());
  EXPECT_TRUE(answers.asked.starts_with("http://a.example.com/.well-known/acme-challenge/"));
  return wrong.value_or("good");
}

TEST(Preflight, IsGoodWhereTheProbeComesBack) {
  Answers answers;
  answers.ours = true;
  answers.given.status = 200;
  EXPECT_EQ(check(answers), "good");
}

TEST(Preflight, SaysThatNothingAnswers) {
  Answers answers;
  answers.given.failure = "connection refused";
  EXPECT_TRUE(check(answers).starts_with(
      "a.example.com cannot be reached on port 80 (connection refused): tried http://"));
}

TEST(Preflight, SaysThatSomethingElseAnswers) {
  Answers answers;
  answers.given.status = 404;
  answers.ours = true;  // even with the right words
  EXPECT_TRUE(check(answers).starts_with(
      "a.example.com is answered by something that is not this Nuri (status 404): tried http://"));
  answers.given = {.failure = "", .status = 200, .body = "welcome"};
  answers.ours = false;
  EXPECT_TRUE(check(answers).starts_with("a.example.com is answered by something"));
}

}  // namespace
}  // namespace nuri::acme

#include "acme/problem.h"

#include <gtest/gtest.h>

namespace nuri::acme {
namespace {

TEST(Problem, SaysWhatTheAuthoritySaysAndWhatToDo) {
  const auto problem = Problem::parse(
      R"({"type":"urn:ietf:params:acme:error:dns","status":400,
          "detail":"NXDOMAIN looking up A for a.example.com",
          "subproblems":[{"identifier":{"type":"dns","value":"a.example.com"},
          "detail":"no such name"}]})",
      400);
  const Error error = problem.error("prove that a.example.com is ours");
  EXPECT_EQ(error.code(), Code::unprocessable);
  EXPECT_EQ(
      error.message(),
      "prove that a.example.com is ours: the certificate authority says: NXDOMAIN looking up "
      "A for a.example.com; a.example.com: no such name (dns). The authority cannot resolve "
      "the name: add an A or AAAA record for it, or wait until the record is seen everywhere; "
      "for a DNS challenge the TXT record must be visible.");
}

TEST(Problem, RateLimitsAndFailuresOfTheAuthorityAreNobodysFault) {
  EXPECT_EQ(
      Problem::parse(R"({"type":"urn:ietf:params:acme:error:rateLimited"})", 429).error("x").code(),
      Code::too_many);
  EXPECT_EQ(Problem::parse("<html>", 503).error("x").code(), Code::unavailable);
  EXPECT_EQ(Problem::parse("<html>", 503).error("x").message(),
            "x: the certificate authority says: status 503 without a reason. Nuri tries again "
            "later.");
}

TEST(Problem, AnythingCanComeAsADocument) {
  for (const char* body : {"", "[]", "{}", R"({"type":1,"detail":[],"subproblems":{}})",
                           R"({"subproblems":[1,{},{"identifier":"x"}]})"})
    EXPECT_FALSE(Problem::parse(body, 400).error("x").message().empty()) << body;
  const std::string huge = R"({"detail":")" + std::string(100'000, 'x') + R"("})";
  EXPECT_LT(Problem::parse(huge, 400).error("x").message().size(), 2000U);
}

}  // namespace
}  // namespace nuri::acme

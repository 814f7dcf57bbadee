#include <gmock/gmock.h>

#include "api/cf/test_api.h"
#include "base/encoding.h"
#include "http/form.h"

namespace nuri::api {
namespace {

using testing::HasSubstr;

class LoginTest : public ApiTest {
 protected:
  LoginTest() { token_ = "Basic " + base64("cf:"); }

  Answer ask_token(std::initializer_list<std::pair<std::string, std::string>> fields,
                   std::string target = "/oauth/token") {
    http::Form form;
    for (const auto& [name, value] : fields) form.add(name, value);
    return ask("POST", std::move(target), form.str(),
               {{"Content-Type", "application/x-www-form-urlencoded"}});
  }
  Answer log_in_as(std::string name, std::string password) {
    return ask_token(
        {{"grant_type", "password"}, {"username", name}, {"password", std::move(password)}});
  }
  Answer renew(std::string token) {
    return ask_token({{"grant_type", "refresh_token"}, {"refresh_token", std::move(token)}});
  }
  void expect_refused(const Answer& answer, int status, std::string_view error) {
    EXPECT_EQ(answer.status, status) << answer.body;
    EXPECT_EQ(answer.text("/error"), error);
    EXPECT_NE(answer.text("/error_description"), "");
  }
};

TEST_F(LoginTest, TellsWhatToAskTheUserFor) {
  token_.clear();
  const Answer answer = get("/login");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.text("/prompts/username"), R"(["text","Email"])");
  EXPECT_EQ(answer.text("/prompts/password"), R"(["password","Password"])");
}

TEST_F(LoginTest, GivesTokensForThePassword) {
  const Answer answer = log_in_as("admin", "secret");
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer.text("/token_type"), "bearer");
  EXPECT_EQ(answer.at("/expires_in").as_int64(), 600);
  EXPECT_THAT(answer.text("/scope"), HasSubstr("cloud_controller.admin"));
  EXPECT_EQ(answer.headers.get("Cache-Control"), "no-store");
  token_ = "bearer " + answer.text("/access_token");
  EXPECT_EQ(get("/v3/apps").status, 200);
}

TEST_F(LoginTest, RefusesAWrongPasswordAndAnUnknownUserAlike) {
  const Answer wrong = log_in_as("admin", "guess");
  expect_refused(wrong, 401, "unauthorized");
  EXPECT_EQ(log_in_as("nobody", "guess").body, wrong.body);
}

TEST_F(LoginTest, LooksOnlyAtTheOriginThatIsAskedFor) {
  const auto with_origin = [&](std::string origin) {
    return ask_token(
               {{"grant_type", "password"}, {"username", "admin"}, {"password", "secret"}},
               "/oauth/token?login_hint=" + percent_encode(R"({"origin":")" + origin + R"("})"))
        .status;
  };
  EXPECT_EQ(with_origin("uaa"), 200);
  EXPECT_EQ(with_origin("ldap"), 401);
}

TEST_F(LoginTest, KnowsOneClientOnly) {
  for (const std::string& client : {"cf:secret", "other:", "", "cf"}) {
    token_ = "Basic " + base64(client);
    expect_refused(log_in_as("admin", "secret"), 401, "invalid_client");
  }
  token_.clear();
  expect_refused(log_in_as("admin", "secret"), 401, "invalid_client");
  EXPECT_EQ(ask_token({{"grant_type", "password"},
                       {"username", "admin"},
                       {"password", "secret"},
                       {"client_id", "cf"}})
                .status,
            200);
}

TEST_F(LoginTest, NamesWhatIsWrongWithTheRequest) {
  expect_refused(ask_token({}), 400, "invalid_request");
  expect_refused(ask_token({{"grant_type", "implicit"}}), 400, "unsupported_grant_type");
  expect_refused(ask_token({{"grant_type", "password"}, {"username", "admin"}}), 400,
                 "invalid_request");
  expect_refused(ask("POST", "/oauth/token", "a=%zz"), 400, "invalid_request");
}

TEST_F(LoginTest, SlowsDownWhoGuesses) {
  for (int i = 0; i <= identity::LoginLimit::kFailuresAllowed; ++i)
    expect_refused(log_in_as("admin", "guess"), 401, "unauthorized");
  expect_refused(log_in_as("admin", "secret"), 429, "too_many_requests");
  loop_.run(pass(2s));
  EXPECT_EQ(log_in_as("admin", "secret").status, 200);
}

TEST_F(LoginTest, RenewsWithARefreshToken) {
  const Answer first = log_in_as("admin", "secret");
  const Answer second = renew(first.text("/refresh_token"));
  ASSERT_EQ(second.status, 200) << second.body;
  EXPECT_NE(second.text("/refresh_token"), first.text("/refresh_token"));
  expect_refused(renew("made up"), 401, "invalid_token");
}

TEST_F(LoginTest, ATokenThatComesBackLateEndsTheWholeSession) {
  const std::string first = log_in_as("admin", "secret").text("/refresh_token");
  const std::string second = renew(first).text("/refresh_token");
  loop_.run(pass(identity::kReuseGrace + 1s));
  expect_refused(renew(first), 401, "invalid_token");
  expect_refused(renew(second), 401, "invalid_token");
}

TEST_F(LoginTest, RevokesItsOwnSessionOnly) {
  const Answer login = log_in_as("admin", "secret");
  const std::string basic = token_;
  token_ = "bearer " + login.text("/access_token");
  EXPECT_EQ(del("/oauth/token/revoke/another").status, 404);
  EXPECT_EQ(del("/oauth/token/revoke/" + login.text("/jti")).status, 200);
  token_ = basic;
  expect_refused(renew(login.text("/refresh_token")), 401, "invalid_token");
}

}  // namespace
}  // namespace nuri::api

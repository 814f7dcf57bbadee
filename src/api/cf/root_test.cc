#include <gmock/gmock.h>

#include "api/cf/test_api.h"

namespace nuri::api {
namespace {

class RootTest : public ApiTest {
 protected:
  RootTest() { token_.clear(); }
};

TEST_F(RootTest, LeadsClientsToEverythingAtItsOwnAddress) {
  const Answer root = get("/");
  ASSERT_EQ(root.status, 200);
  for (const char* link : {"self", "login", "uaa", "log_cache"})
    EXPECT_EQ(root.text(std::string("/links/") + link + "/href"), "http://api.test") << link;
  EXPECT_EQ(root.text("/links/cloud_controller_v3/href"), "http://api.test/v3");
  EXPECT_EQ(root.text("/links/cloud_controller_v3/meta/version"), "3.180.0");
  EXPECT_EQ(root.at("/links/self/meta").as_object(), (json::object{{"apps_port", 8080}}));
  EXPECT_TRUE(root.at("/links/app_ssh").is_null());
}

TEST_F(RootTest, ListsWhatIsUnderV3) {
  EXPECT_EQ(get("/v3").text("/links/apps/href"), "http://api.test/v3/apps");
}

TEST_F(RootTest, SaysThatItIsAlive) {
  const Answer answer = get("/healthz");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "ok");
}

TEST_F(RootTest, WhatIsUnknownIsSaidAsClientsExpect) {
  const Answer answer = get("/v3/unheard-of");
  EXPECT_EQ(answer.status, 404);
  EXPECT_EQ(answer.text("/errors/0/detail"), "Unknown request");
}

// A request for the pattern: guids in the places of its names.
std::pair<std::string, std::string> request_for(const std::string& pattern) {
  const auto space = pattern.find(' ');
  std::string path;
  for (std::size_t i = space + 1; i < pattern.size();) {
    const auto end = std::min(pattern.find('/', i + 1), pattern.size());
    const std::string segment = pattern.substr(i, end - i);
    const bool named = segment.size() > 1 && (segment[1] == ':' || segment[1] == '*');
    path += named ? "/00000000-0000-4000-8000-000000000000" : segment;
    i = end;
  }
  return {pattern.substr(0, space), path};
}

TEST_F(RootTest, NothingElseAnswersWithoutAValidToken) {
  ASSERT_GT(api_->guarded().size(), 40u);
  for (const std::string& pattern : api_->guarded()) {
    const auto [method, path] = request_for(pattern);
    token_.clear();
    const Answer without = ask(method, path, "{}");
    EXPECT_EQ(without.status, 401) << pattern;
    EXPECT_EQ(without.text("/errors/0/title"), "CF-NotAuthenticated") << pattern;
    token_ = "bearer forged.token.here";
    const Answer forged = ask(method, path, "{}");
    EXPECT_EQ(forged.status, 401) << pattern;
    EXPECT_EQ(forged.text("/errors/0/title"), "CF-InvalidAuthToken") << pattern;
  }
}

TEST_F(RootTest, AUserWhoIsGoneIsNobody) {
  auto user = make_user("ann");
  log_in(user);
  EXPECT_EQ(get("/v3/apps").status, 200);
  store_.write([&](store::Writer& tx) { tx.erase(user.guid); });
  EXPECT_EQ(get("/v3/apps").status, 401);
}

}  // namespace
}  // namespace nuri::api

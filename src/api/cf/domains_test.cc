#include <gmock/gmock.h>

#include "api/cf/test_api.h"

namespace nuri::api {
namespace {

using testing::HasSubstr;

class DomainsTest : public ApiTest {
 protected:
  std::string path() { return "/v3/domains/" + domain_.guid.str(); }
  Answer set(json::value redirect) {
    return patch(path(), {{"options", json::object{{"https_redirect", std::move(redirect)}}}});
  }
};

TEST_F(DomainsTest, SendToHttpsWhenTold) {
  EXPECT_EQ(get(path()).text("/options/https_redirect"), "false");
  EXPECT_EQ(set(true).text("/options/https_redirect"), "true");
  EXPECT_TRUE(row(domain_.guid).https_redirect);
  EXPECT_EQ(last_event(), "audit.domain.update");
  // What is not given stays; a command line sends texts; null takes back.
  patch(path(), {{"metadata", json::object{{"labels", json::object{{"team", "shop"}}}}}});
  EXPECT_EQ(get(path()).text("/options/https_redirect"), "true");
  EXPECT_EQ(get(path()).text("/metadata/labels/team"), "shop");
  EXPECT_EQ(set("false").text("/options/https_redirect"), "false");
  set(true);
  EXPECT_EQ(set(nullptr).text("/options/https_redirect"), "false");
  EXPECT_EQ(get(path()).text("/metadata/labels/team"), "shop");
}

TEST_F(DomainsTest, AreMadeWithOptions) {
  const Answer made =
      post("/v3/domains", json::object{{"name", "shop.example.com"},
                                       {"options", json::object{{"https_redirect", true}}}});
  EXPECT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(made.text("/options/https_redirect"), "true");
}

TEST_F(DomainsTest, RefuseOptionsThatAreNone) {
  const Answer odd = set("maybe");
  EXPECT_EQ(odd.status, 422);
  EXPECT_THAT(odd.text("/errors/0/detail"), HasSubstr("https_redirect"));
  EXPECT_EQ(patch(path(), {{"options", json::object{{"compress", true}}}}).status, 422);
  EXPECT_EQ(patch(path(), {{"options", 7}}).status, 422);
  EXPECT_FALSE(row(domain_.guid).https_redirect);
}

TEST_F(DomainsTest, SharedOnesAreChangedByAnAdminAlone) {
  log_in(make_user("ann", model::RoleType::organization_manager));
  EXPECT_EQ(set(true).status, 403);
  model::Domain own;
  own.name = "example.org";
  own.org = org_.guid;
  own = insert(own);
  const json::object wanted{{"options", json::object{{"https_redirect", true}}}};
  EXPECT_EQ(patch("/v3/domains/" + own.guid.str(), wanted).status, 200);
  log_in(make_user("stranger"));
  EXPECT_EQ(patch("/v3/domains/" + own.guid.str(), wanted).status, 404);
}

}  // namespace
}  // namespace nuri::api

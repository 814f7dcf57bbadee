#include <gmock/gmock.h>

#include "api/cf/test_api.h"
#include "model/routing.h"

namespace nuri::api {
namespace {

using testing::HasSubstr;

class RouteOptionsTest : public ApiTest {
 protected:
  json::object body(const std::string& host, json::object options) {
    const auto to = [](const std::string& guid) {
      return json::object{{"data", json::object{{"guid", guid}}}};
    };
    return {{"host", host},
            {"options", std::move(options)},
            {"relationships",
             json::object{{"space", to(space_.guid.str())}, {"domain", to(domain_.guid.str())}}}};
  }
  std::string kept(const std::string& guid) {
    return store_.read([&](store::Reader& reader) { return reader.get(RouteGuid(guid)).options; });
  }
};

TEST_F(RouteOptionsTest, AreTakenShownAndMerged) {
  const Answer made = post("/v3/routes", body("a", {{"loadbalancing", "hash"},
                                                    {"hash_header", "X-Tenant"},
                                                    {"hash_balance", "1.25"}}));
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(made.text("/options"),
            R"({"loadbalancing":"hash","hash_header":"X-Tenant","hash_balance":"1.25"})");
  const std::string path = "/v3/routes/" + made.text("/guid");
  const json::object deadlines{{"answer", "30s"}, {"idle", "5s"}};
  const Answer more = patch(
      path,
      {{"options", json::object{{"loadbalancing", "round-robin"}, {"deadlines", deadlines}}}});
  ASSERT_EQ(more.status, 200) << more.body;
  EXPECT_EQ(more.text("/options"),
            R"({"loadbalancing":"round-robin","deadlines":{"answer":"30s","idle":"5s"}})");
  patch(path, {{"options", json::object{{"loadbalancing", nullptr},
                                        {"deadlines", json::object{{"idle", nullptr}}}}}});
  EXPECT_EQ(get(path).text("/options"), R"({"deadlines":{"answer":"30s"}})");
}

TEST_F(RouteOptionsTest, WhatCannotBeIsRefusedByNameAndNothingChanges) {
  const Answer made = post("/v3/routes", body("a", {{"https_redirect", true}}));
  const std::string path = "/v3/routes/" + made.text("/guid");
  const auto refused = [&](json::object options) {
    const Answer answer = patch(path, {{"options", std::move(options)}});
    EXPECT_EQ(answer.status, 422);
    return answer.text("/errors/0/detail");
  };
  EXPECT_THAT(refused({{"hash_header", "X"}}), HasSubstr("hash_header: can only be set when"));
  EXPECT_THAT(refused({{"nonsense", 1}}), HasSubstr("nonsense: there is no such option"));
  EXPECT_THAT(refused({{"allow", json::array{"10.0.0.1/8"}}}), HasSubstr("allow: '10.0.0.1/8'"));
  EXPECT_EQ(post("/v3/routes", body("b", {{"loadbalancing", "random"}})).status, 422);
  EXPECT_EQ(get(path).text("/options"), R"({"https_redirect":true})");
}

TEST_F(RouteOptionsTest, PasswordsAreKeptHashedAndNeverShown) {
  const auto auth = [](json::value password) {
    return json::object{
        {"basic_auth", json::object{{"users", json::object{{"alice", std::move(password)}}}}}};
  };
  const Answer made = post("/v3/routes", body("a", auth("correct horse")));
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(made.text("/options"), R"({"basic_auth":{"users":["alice"]}})");
  EXPECT_THAT(kept(made.text("/guid")), HasSubstr(R"("alice":"$fake$)"));
  EXPECT_EQ(kept(made.text("/guid")).find("correct horse"), std::string::npos);
  const std::string path = "/v3/routes/" + made.text("/guid");
  const Answer changed = patch(path, {{"options", auth("battery staple")}});
  ASSERT_EQ(changed.status, 200) << changed.body;
  EXPECT_EQ(last_event(), "audit.route.update");
  const std::string events = get("/v3/audit_events?order_by=-created_at").body;
  EXPECT_EQ(events.find("battery staple"), std::string::npos);
  EXPECT_EQ(events.find("$fake$"), std::string::npos);
  EXPECT_EQ(patch(path, {{"options", auth(7)}}).status, 422);
  EXPECT_EQ(patch(path, {{"options", auth("")}}).status, 422);
  EXPECT_THAT(patch(path, {{"options", auth(nullptr)}}).text("/errors/0/detail"),
              HasSubstr("basic_auth.users: must name at least one"));
}

TEST_F(RouteOptionsTest, ManifestsCarryThem) {
  make_app("hello");
  const auto apply = [&](const std::string& yaml) {
    return ask("POST", "/v3/spaces/" + space_.guid.str() + "/actions/apply_manifest", yaml,
               {{"Content-Type", "application/x-yaml"}});
  };
  const std::string head =
      "applications:\n- name: hello\n  routes:\n  - route: hello.localhost\n    options:\n";
  const Answer done = apply(head +
                            "      loadbalancing: round-robin\n      allow: [10.0.0.0/8]\n"
                            "      deadlines:\n        answer: 30s\n");
  ASSERT_EQ(done.status, 202) << done.body;
  EXPECT_EQ(
      get("/v3/routes?hosts=hello").text("/resources/0/options"),
      R"({"loadbalancing":"round-robin","allow":["10.0.0.0/8"],"deadlines":{"answer":"30s"}})");
  apply(head + "      allow:\n");
  EXPECT_EQ(get("/v3/routes?hosts=hello").text("/resources/0/options"),
            R"({"loadbalancing":"round-robin","deadlines":{"answer":"30s"}})");
  EXPECT_EQ(apply(head + "      allow: nowhere\n").status, 422);
}

}  // namespace
}  // namespace nuri::api

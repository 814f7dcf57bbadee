#include "router/test_http2.h"
#include "router/test_worker.h"

// What an authority asks to see whether a name leads here (RFC 8555 section 8.3).

namespace nuri::router {
namespace {

constexpr std::string_view kPath = "/.well-known/acme-challenge/token";

class WorkerChallenge : public testing::Test {
 protected:
  WorkerChallenge() { put("token", "token.key"); }
  void put(const std::string& token, const std::string& authorization) {
    TableChange change;
    change.put_challenges.push_back({token, authorization});
    router_.apply(std::move(change));
  }
  std::string ask(std::string_view request, std::string& head) const {
    Talk client = router_.talk();
    client.say(request);
    return client.hear_answer(head);
  }
  std::string ask(std::string_view request) const {
    std::string head;
    return ask(request, head);
  }
  TestWorker router_;
};

TEST_F(WorkerChallenge, IsAnsweredUnderEveryHostAsTheStandardSays) {
  std::string head;
  EXPECT_EQ(ask(get("nobody.test", kPath), head), "token.key");
  EXPECT_EQ(status_of(head), 200);
  EXPECT_EQ(field(head, "Content-Type"), "application/octet-stream");
  EXPECT_EQ(field(head, "X-Nuri-Error"), "");
  EXPECT_EQ(ask(get("nobody.test", std::string(kPath) + "?q=1")), "token.key");
  EXPECT_EQ(ask("GET http://a.test/.well-known/acme-challenge/token HTTP/1.1\r\nHost: a.test\r\n"
                "Accept: application/json\r\n\r\n"),
            "token.key");
}

TEST_F(WorkerChallenge, HeadGetsTheSameWithoutContentAndTheConnectionGoesOn) {
  Talk client = router_.talk();
  client.say("HEAD /.well-known/acme-challenge/token HTTP/1.1\r\nHost: a.test\r\n\r\n");
  const std::string head = client.hear_head();
  EXPECT_EQ(status_of(head), 200);
  EXPECT_EQ(field(head, "Content-Length"), "9");
  client.say(get("a.test", kPath));
  std::string next;
  EXPECT_EQ(client.hear_answer(next), "token.key");
}

TEST_F(WorkerChallenge, ComesBeforeEverySettingOfTheRoute) {
  Instance app(answering("app"));
  for (const char* settings :
       {R"({"https_redirect": true})", R"({"maintenance": true})", R"({"deny": ["127.0.0.1"]})",
        R"({"basic_auth": {"users": {"alice":)"
        R"("$2b$04$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui"}}})"}) {
    router_.put("a.test", {app.address()}, {}, settings);
    EXPECT_EQ(ask(get("a.test", kPath)), "token.key") << settings;
    std::string head;
    ask(get("a.test", "/"), head);
    EXPECT_NE(status_of(head), 200) << settings;
  }
}

TEST_F(WorkerChallenge, EverythingElseIsTheApps) {
  Instance app(answering("app"));
  router_.put("a.test", {app.address()});
  EXPECT_EQ(ask(get("a.test", "/.well-known/acme-challenge/other")), "app");
  EXPECT_EQ(ask(get("a.test", "/.well-known/acme-challenge/")), "app");
  EXPECT_EQ(ask(get("a.test", std::string(kPath) + "/more")), "app");
  EXPECT_EQ(ask("POST /.well-known/acme-challenge/token HTTP/1.1\r\nHost: a.test\r\n"
                "Content-Length: 0\r\n\r\n"),
            "app");
}

TEST_F(WorkerChallenge, OneThatIsOverIsTheAppsAgain) {
  Instance app(answering("app"));
  router_.put("a.test", {app.address()});
  put("token", "token.other");
  EXPECT_EQ(ask(get("a.test", kPath)), "token.other");
  TableChange over;
  over.remove_challenges = {"token"};
  router_.apply(std::move(over));
  EXPECT_EQ(ask(get("a.test", kPath)), "app");
}

TEST_F(WorkerChallenge, CountsAsNoRequestForAnUnknownRoute) {
  ask(get("nobody.test", kPath));
  ask(get("nobody.test", "/"));
  until(router_, [](const Counted& c) { return c.unknown_routes == 1; });
}

TEST_F(WorkerChallenge, IsAnsweredInsideHttp2) {
  Http2Client client(router_.talk());
  EXPECT_EQ(client.wait(client.get("nobody.test", kPath)).content, "token.key");
}

}  // namespace
}  // namespace nuri::router

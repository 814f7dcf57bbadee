#include "router/sticky.h"

#include "router/test_worker.h"

namespace nuri::router {
namespace {

using Kind = http::HeadParser::Kind;

std::string instance_in(const std::string& fields) {
  http::HeadSpace space;
  http::HeadParser parser(Kind::request);
  const std::string text = "GET / HTTP/1.1\r\nHost: a.test\r\n" + fields + "\r\n";
  return std::string(sticky_instance(**parser.parse(text, space)));
}

std::string cookie_for(const std::string& fields) {
  http::HeadSpace space;
  http::HeadParser parser(Kind::response);
  const std::string text = "HTTP/1.1 200 OK\r\n" + fields + "\r\n";
  return sticky_cookie(**parser.parse(text, space), "guid");
}

TEST(Sticky, ASessionNamesItsInstance) {
  EXPECT_EQ(instance_in("Cookie: a=b; JSESSIONID=1; __VCAP_ID__=guid\r\n"), "guid");
  EXPECT_EQ(instance_in("Cookie: __VCAP_ID__=guid\r\nCookie: JSESSIONID=1\r\n"), "guid");
  EXPECT_EQ(instance_in("Cookie: __VCAP_ID__=guid\r\n"), "") << "a session that is over";
  EXPECT_EQ(instance_in("Cookie: JSESSIONID=1\r\n"), "");
  EXPECT_EQ(instance_in("Cookie: xJSESSIONID=1; __VCAP_ID__=guid\r\n"), "");
  EXPECT_EQ(instance_in(""), "");
}

TEST(Sticky, AnAnswerThatBeginsASessionBindsIt) {
  EXPECT_EQ(cookie_for("Set-Cookie: JSESSIONID=1\r\n"), "__VCAP_ID__=guid; Path=/; HttpOnly");
  EXPECT_EQ(cookie_for("Set-Cookie: a=b\r\nset-cookie: JSESSIONID=1; path=/shop; secure; "
                       "Max-Age=0; samesite=Lax; Domain=x\r\n"),
            "__VCAP_ID__=guid; Path=/shop; Secure; Max-Age=0; SameSite=Lax; HttpOnly");
  EXPECT_EQ(cookie_for("Set-Cookie: a=JSESSIONID=1; JSESSIONID=2\r\n"), "");
  EXPECT_EQ(cookie_for("X: JSESSIONID=1\r\n"), "");
}

Instance::Behave with_session(const std::string& name) {
  return [name](Talk& talk) {
    while (!talk.hear_head().empty())
      talk.say("HTTP/1.1 200 OK\r\nSet-Cookie: JSESSIONID=1\r\nContent-Length: 1\r\n\r\n" + name);
  };
}

TEST(Sticky, RequestsOfASessionGoToItsInstanceAsLongAsItIsThere) {
  Instance one(with_session("1")), other(with_session("2"));
  TestWorker router;
  router.put("a.test", {one.address(), other.address()});
  Talk client = router.talk();
  ASSERT_TRUE(client.say(get("a.test")));
  std::string head;
  const std::string bound = client.hear_answer(head);
  std::string cookie;  // the second of two Set-Cookie
  if (const auto at = head.find("__VCAP_ID__="); at != head.npos)
    cookie = head.substr(at, head.find(';', at) - at);
  ASSERT_FALSE(cookie.empty()) << head;
  const std::string request =
      "GET / HTTP/1.1\r\nHost: a.test\r\nCookie: JSESSIONID=1; " + cookie + "\r\n\r\n";
  for (int n = 0; n < 10; ++n) {
    ASSERT_TRUE(client.say(request));
    EXPECT_EQ(client.hear_answer(head), bound);
  }
  router.put("a.test", {bound == "1" ? other.address() : one.address()});
  ASSERT_TRUE(client.say(request));
  EXPECT_NE(client.hear_answer(head), bound);
  EXPECT_EQ(status_of(head), 200);
}

}  // namespace
}  // namespace nuri::router

#include "router/front.h"

#include "base/limits.h"
#include "router/test_worker.h"

namespace nuri::router {
namespace {

Front trusting(std::string_view networks) {
  return {.trusted = net::Networks::parse(networks, limits::kTrustedNetworks)};
}

// "CLIENT | X-FORWARDED-FOR | PROTO" of a request with these fields from `peer`.
std::string origin(std::string_view fields, std::string_view peer, const Front& front) {
  const std::string text = "GET / HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n";
  http::HeadSpace space;
  http::HeadParser parser(http::HeadParser::Kind::request);
  const auto head = parser.parse(text, space);
  EXPECT_TRUE(head && *head);
  const Origin found = origin_of(**head, peer, "http", front);
  return found.client + " | " + found.forwarded_for + " | " + std::string(found.proto);
}

TEST(Origin, OfAnUntrustedPeerIsThePeer) {
  constexpr auto kSaid = "X-Forwarded-For: 192.0.2.9\r\nX-Forwarded-Proto: https\r\n";
  EXPECT_EQ(origin(kSaid, "198.51.100.1", {}), "198.51.100.1 | 198.51.100.1 | http");
  EXPECT_EQ(origin(kSaid, "198.51.100.1", trusting("10.0.0.0/8")),
            "198.51.100.1 | 198.51.100.1 | http");
}

TEST(Origin, OfATrustedPeerIsWhatItSays) {
  const Front front = trusting("10.0.0.0/8");
  EXPECT_EQ(origin("", "10.0.0.1", front), "10.0.0.1 | 10.0.0.1 | http");
  EXPECT_EQ(origin("X-Forwarded-For: 192.0.2.9\r\nX-Forwarded-Proto: https\r\n", "10.0.0.1", front),
            "192.0.2.9 | 192.0.2.9, 10.0.0.1 | https");
  EXPECT_EQ(origin("X-Forwarded-Proto: https, http\r\n", "10.0.0.1", front),
            "10.0.0.1 | 10.0.0.1 | http");
  EXPECT_EQ(origin("X-Forwarded-Proto: gopher\r\n", "10.0.0.1", front),
            "10.0.0.1 | 10.0.0.1 | http");
}

TEST(Origin, IsTheLastAddressThatIsNotTrusted) {
  const Front front = trusting("10.0.0.0/8");
  EXPECT_EQ(origin("X-Forwarded-For: 1.1.1.1, 192.0.2.9\r\nX-Forwarded-For: 10.0.0.2\r\n",
                   "10.0.0.1", front),
            "192.0.2.9 | 1.1.1.1, 192.0.2.9, 10.0.0.2, 10.0.0.1 | http");
  EXPECT_EQ(origin("X-Forwarded-For: 192.0.2.9, what, 10.0.0.2\r\n", "10.0.0.1", front),
            "10.0.0.2 | 192.0.2.9, what, 10.0.0.2, 10.0.0.1 | http");
}

TEST(Origin, IsFoundAtTheEndOfAListThatAClientMadeLong) {
  std::string list = "X-Forwarded-For: ";
  for (int n = 0; n < 1000; ++n) list += "1.1.1.1, ";
  const std::string found = origin(list + "192.0.2.9\r\n", "10.0.0.1", trusting("10.0.0.0/8"));
  EXPECT_TRUE(found.starts_with("192.0.2.9 | 1.1.1.1, ")) << found;
  EXPECT_LE(found.size(), limits::kForwardedForBytes + 100);
}

// Over real sockets: an app that says what it was told of its client.
class PreambleTest : public testing::Test {
 protected:
  PreambleTest() { router_.put("a.test", {app_.address()}); }
  static Front front(std::string_view trusted) {
    Front out = trusting(trusted);
    out.proxy_protocol = true;
    return out;
  }
  Instance app_{[](Talk& talk) {
    for (std::string head; !(head = talk.hear_head()).empty();) {
      const std::string seen = field(head, "X-Forwarded-For");
      talk.say("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(seen.size()) + "\r\n\r\n" +
               seen);
    }
  }};
  TestWorker router_{{}, {}, front("127.0.0.0/8")};
};

TEST_F(PreambleTest, SaysWhoEveryRequestOfItsConnectionIsFrom) {
  Talk client = router_.talk();
  client.say("PROXY TCP4 192.0.2.1 10.0.0.1 1");
  client.say("2345 443\r\n" + get("a.test"));
  std::string head;
  EXPECT_EQ(client.hear_answer(head), "192.0.2.1");
  client.say(get("a.test"));
  EXPECT_EQ(client.hear_answer(head), "192.0.2.1");
}

TEST_F(PreambleTest, WithoutOneATrustedPeersConnectionIsClosed) {
  Talk client = router_.talk();
  client.say(get("a.test"));
  EXPECT_TRUE(client.ended());
}

TEST(Preamble, OfAPeerThatIsNotTrustedIsRefused) {
  Front front = trusting("10.0.0.0/8");
  front.proxy_protocol = true;
  TestWorker router({}, {}, std::move(front));
  Talk client = router.talk();
  client.say("PROXY TCP4 192.0.2.1 10.0.0.1 12345 443\r\n" + get("a.test"));
  EXPECT_EQ(field(client.hear_head(), "X-Nuri-Error"), "bad_request");
}

}  // namespace
}  // namespace nuri::router

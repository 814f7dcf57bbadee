#include "router/request_head.h"

#include <gtest/gtest.h>

#include <map>

#include "router/access_log.h"
#include "router/test_sockets.h"

namespace nuri::router {
namespace {

using Kind = http::HeadParser::Kind;

http::HeadView parsed(Kind kind, const std::string& text, http::HeadSpace& space) {
  http::HeadParser parser(kind);
  const auto head = parser.parse(text, space);
  if (!head || !*head) throw std::runtime_error("not a head: " + text);
  return **head;
}

std::string passed_on(const std::string& text) {
  http::HeadSpace space;
  std::string out;
  append_request_head(out, parsed(Kind::request, text, space), {"192.0.2.1", "http", "id"});
  return out;
}

std::string request(const std::string& fields) {
  return passed_on("GET /x HTTP/1.1\r\nHost: a.test\r\n" + fields + "\r\n");
}

std::string answer(const std::string& text, AnswerWish wish = {}) {
  http::HeadSpace space;
  return answer_head(parsed(Kind::response, "HTTP/1.1 " + text + "\r\n", space), wish, "id");
}

TEST(RequestHead, FieldsOfOneHopEndHere) {
  const std::string out = request(
      "Connection: close, X-Mine\r\nConnection: X-Other\r\nX-Mine: 1\r\nx-other: 2\r\n"
      "Keep-Alive: 3\r\nTE: trailers\r\nProxy-Connection: x\r\nTrailer: X\r\nX-Kept: 4\r\n");
  for (const char* gone :
       {"Connection", "X-Mine", "X-Other", "Keep-Alive", "TE", "Proxy-Connection", "Trailer"})
    EXPECT_EQ(field(out, gone), "") << gone;
  EXPECT_EQ(field(out, "X-Kept"), "4");
}

TEST(RequestHead, NamingAFieldInConnectionCannotRemoveWhatTheRouterSays) {
  const std::string out =
      request("Connection: Host, X-Forwarded-For, Content-Length\r\nContent-Length: 5\r\n");
  EXPECT_EQ(field(out, "Host"), "a.test");
  EXPECT_EQ(field(out, "X-Forwarded-For"), "192.0.2.1");
  EXPECT_EQ(field(out, "Content-Length"), "5");
}

TEST(RequestHead, AnExpectationInHttp10IsNotPassedOnAsHttp11) {
  const std::string of_1_0 =
      "POST / HTTP/1.0\r\nHost: a.test\r\nExpect: 100-continue\r\nX-Kept: 1\r\n\r\n";
  const std::string out = passed_on(of_1_0);
  EXPECT_EQ(field(out, "Expect"), "");
  EXPECT_EQ(field(out, "X-Kept"), "1");
  EXPECT_EQ(field(request("Expect: 100-continue\r\n"), "Expect"), "100-continue");
}

TEST(RequestHead, ClaimsOfTheClientAreDroppedHoweverSpelled) {
  const std::string out = request(
      "X-Forwarded-For: 1.2.3.4\r\nX_FORWARDED_FOR: 1.2.3.4\r\nX-Forwarded-Prefix: /evil\r\n"
      "Forwarded: for=1.2.3.4\r\nX-Real-IP: 1.2.3.4\r\nX-Vcap_Request-Id: 1.2.3.4\r\n");
  EXPECT_EQ(out.find("1.2.3.4"), out.npos) << out;
  EXPECT_EQ(out.find("evil"), out.npos) << out;
}

TEST(RequestHead, ASaneRequestIdOfTheClientStays) {
  EXPECT_EQ(field(request("X-Request-Id: from-client\r\n"), "X-Request-Id"), "from-client");
  EXPECT_EQ(field(request("X-Request-Id: from-client\r\n"), "X-Vcap-Request-Id"), "id");
  EXPECT_EQ(field(request("X-Request-Id: two words\r\n"), "X-Request-Id"), "id");
  EXPECT_EQ(field(request("X-Request-Id: " + std::string(129, 'x') + "\r\n"), "X-Request-Id"),
            "id");
}

TEST(RequestHead, AnswersLoseHopFieldsAndKeepFraming) {
  const std::string out = answer(
      "200 Fine\r\nConnection: X-Hop\r\nX-Hop: 1\r\nContent-Length: 3\r\nSet-Cookie: a\r\n"
      "Set-Cookie: b\r\nX-Vcap-Request-Id: theirs\r\n");
  EXPECT_TRUE(out.starts_with("HTTP/1.1 200 Fine\r\n"));
  EXPECT_EQ(field(out, "X-Hop"), "");
  EXPECT_EQ(field(out, "Content-Length"), "3");
  EXPECT_NE(out.find("Set-Cookie: a\r\nSet-Cookie: b\r\n"), out.npos);
  EXPECT_EQ(field(out, "X-Vcap-Request-Id"), "id");
  EXPECT_EQ(field(answer("200 OK\r\n", {.close = true}), "Connection"), "close");
  EXPECT_EQ(field(answer("200 OK\r\n", {.say_keep = true}), "Connection"), "keep-alive");
  EXPECT_EQ(field(answer("200 OK\r\nTransfer-Encoding: chunked\r\n", {.unframe = true}),
                  "Transfer-Encoding"),
            "");
}

TEST(RequestHead, AnswersWithoutContentHaveNoLength) {
  EXPECT_EQ(field(answer("204 No Content\r\nContent-Length: 0\r\n"), "Content-Length"), "");
  EXPECT_EQ(field(answer("304 Not Modified\r\nContent-Length: 7\r\n"), "Content-Length"), "7");
  EXPECT_EQ(answer("100 Continue\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
}

TEST(OwnAnswer, IsTextOrJsonAndSaysWhatItIs) {
  const std::string text = own_answer({.status = 503,
                                       .error = "no_instances",
                                       .message = "Nothing there.",
                                       .request_id = "id",
                                       .close = true});
  EXPECT_TRUE(text.starts_with("HTTP/1.1 503 Service Unavailable\r\n"));
  EXPECT_EQ(field(text, "X-Nuri-Error"), "no_instances");
  EXPECT_EQ(field(text, "Retry-After"), "2");
  EXPECT_EQ(field(text, "Connection"), "close");
  EXPECT_NE(text.find("Nothing there."), text.npos);
  const std::string json =
      own_answer({.status = 404, .error = "e", .message = "m", .accept = "application/json"});
  EXPECT_EQ(field(json, "Content-Type"), "application/json");
  EXPECT_EQ(field(json, "Retry-After"), "");
  EXPECT_TRUE(own_answer({.with_body = false}).ends_with("\r\n\r\n"));
}

TEST(AccessLine, IsCloudFoundrys) {
  Access access;
  access.host = "a.test";
  access.method = "GET";
  access.target = "/x?y";
  access.version = "HTTP/1.1";
  access.user_agent = "curl/8 \"quoted\"\n";
  access.client = "192.0.2.1";
  access.proto = "http";
  access.backend = "door:/run/x";
  access.instance = "guid";
  access.request_id = "abc";
  access.status = 200;
  access.received_bytes = 5;
  access.sent_bytes = 7;
  access.took = 12'500us;
  access.router_took = 500us;
  access.index = 2;
  EXPECT_EQ(access_line(access, "app"),
            "a.test - [1970-01-01T00:00:00Z] \"GET /x?y HTTP/1.1\" 200 5 7 \"-\" "
            "\"curl/8 _quoted__\" \"192.0.2.1\" \"door:/run/x\" x_forwarded_for:\"192.0.2.1\" "
            "x_forwarded_proto:\"http\" vcap_request_id:\"abc\" response_time:0.012500 "
            "gorouter_time:0.000500 app_id:\"app\" app_index:\"2\" instance_id:\"guid\" "
            "x_nuri_error:\"-\"");
}

}  // namespace
}  // namespace nuri::router

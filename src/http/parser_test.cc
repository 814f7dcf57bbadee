#include "http/parser.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace nuri::http {
namespace {

using Kind = HeadParser::Kind;

// "400 reason", "more", or "ok N" with the bytes of the head.
std::string outcome(Kind kind, std::string_view bytes) {
  HeadSpace space;
  HeadParser parser(kind);
  const auto result = parser.parse(bytes, space);
  if (!result)
    return std::to_string(result.error().status) + " " + std::string(result.error().reason);
  return *result ? "ok " + std::to_string((*result)->bytes) : "more";
}

// The same, with the bytes arriving in two parts or one by one.
std::string outcome_in_pieces(Kind kind, std::string_view bytes, std::size_t first,
                              std::size_t step) {
  HeadSpace space;
  HeadParser parser(kind);
  for (std::size_t end = first;; end = std::min(bytes.size(), end + step)) {
    const std::string so_far(
        bytes.substr(0, end));  // its own buffer: what is over its end, ASan sees
    const auto result = parser.parse(so_far, space);
    if (!result)
      return std::to_string(result.error().status) + " " + std::string(result.error().reason);
    if (*result) return "ok " + std::to_string((*result)->bytes);
    if (end == bytes.size()) return "more";
  }
}

struct Case {
  std::string_view text;
  int status;  // 0: accepted, -1: more is needed
};

void check(Kind kind, const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    const std::string whole = outcome(kind, c.text);
    const std::string expected = c.status == 0  ? "ok"
                                 : c.status < 0 ? "more"
                                                : std::to_string(c.status);
    EXPECT_TRUE(whole.starts_with(expected)) << whole << " for:\n" << c.text;
    for (std::size_t at = 0; at <= c.text.size(); ++at)
      ASSERT_EQ(outcome_in_pieces(kind, c.text, at, c.text.size()), whole) << at << "\n" << c.text;
    ASSERT_EQ(outcome_in_pieces(kind, c.text, 0, 1), whole) << c.text;
  }
}

#define HOST "Host: a.example\r\n"

TEST(RequestHead, RequestLinesThatAreServedAndThatAreNot) {
  check(Kind::request,
        {
            {"GET / HTTP/1.1\r\n" HOST "\r\n", 0},
            {"\r\nGET / HTTP/1.1\r\n" HOST "\r\n", 0},
            {"\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n", 400},
            {"GET / HTTP/1.0\r\n\r\n", 0},
            {"GET /a?b=c&d=%20 HTTP/1.1\r\n" HOST "\r\n", 0},
            {"M-SEARCH /x HTTP/1.1\r\n" HOST "\r\n", 0},
            {"GET http://a.example/x HTTP/1.1\r\n" HOST "\r\n", 0},
            {"GET http://a.example HTTP/1.1\r\n" HOST "\r\n", 0},
            {"GET HTTPS://a.example:444/x HTTP/1.1\r\nHost: a.example:444\r\n\r\n", 0},
            {"GET http://b.example/x HTTP/1.1\r\n" HOST "\r\n", 400},
            {"GET http://u@a.example/x HTTP/1.1\r\n" HOST "\r\n", 400},
            {"GET http:///x HTTP/1.1\r\n" HOST "\r\n", 400},
            {"GET http://a.example?x HTTP/1.1\r\n" HOST "\r\n", 400},
            {"GET ftp://a.example/x HTTP/1.1\r\n" HOST "\r\n", 400},
            {"OPTIONS * HTTP/1.1\r\n" HOST "\r\n", 0},
            {"GET * HTTP/1.1\r\n" HOST "\r\n", 400},
            {"CONNECT a.example:443 HTTP/1.1\r\n" HOST "\r\n", 501},
            {"QUERY / HTTP/1.1\r\n" HOST "\r\n", 501},
            {"get / HTTP/1.1\r\n" HOST "\r\n", 501},
            {"GET x HTTP/1.1\r\n" HOST "\r\n", 400},
            {"GET  / HTTP/1.1\r\n" HOST "\r\n", 400},
            {"GET /  HTTP/1.1\r\n" HOST "\r\n", 400},
            {"GET / HTTP/1.1 \r\n" HOST "\r\n", 400},
            {"GET\t/ HTTP/1.1\r\n" HOST "\r\n", 400},
            {" GET / HTTP/1.1\r\n" HOST "\r\n", 400},
            {"GET /a b HTTP/1.1\r\n" HOST "\r\n", 400},
            {"GET /a#b HTTP/1.1\r\n" HOST "\r\n", 400},
            {"GET /\xc3\xa4 HTTP/1.1\r\n" HOST "\r\n", 400},
            {"GET /\x7f HTTP/1.1\r\n" HOST "\r\n", 400},
            {"GET /\r\n" HOST "\r\n", 400},
            {"GET / HTTP/0.9\r\n" HOST "\r\n", 505},
            {"GET / HTTP/1.2\r\n" HOST "\r\n", 505},
            {"GET / HTTP/2.0\r\n" HOST "\r\n", 505},
            {"GET / HTTP/1.10\r\n" HOST "\r\n", 400},
            {"GET / http/1.1\r\n" HOST "\r\n", 400},
            {"OPTIONS * RTSP/1.0\r\n" HOST "\r\n", 400},
            {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
            {"\x16\x03\x01\x02", 400},
            {"GET / HTTP/1.1\r\n" HOST, -1},
            {"", -1},
        });
}

TEST(RequestHead, LineEndingsAndFoldsThatPeersReadDifferently) {
  check(Kind::request,
        {
            {"GET / HTTP/1.1\n" HOST "\r\n", 400},
            {"GET / HTTP/1.1\r\nHost: a.example\n\r\n", 400},
            {"GET / HTTP/1.1\r\n" HOST "\n", 400},
            {"GET / HTTP/1.1\r\n" HOST "A: b\rC: d\r\n\r\n", 400},
            {"GET / HTTP/1.1\r\n" HOST "A: b\r\r\n\r\n", 400},
            {"GET / HTTP/1.1\r\r\n" HOST "\r\n", 400},
            {"GET / HTTP/1.1\r\n" HOST "A: b\r\n c\r\n\r\n", 400},
            {"GET / HTTP/1.1\r\n" HOST "A: b\r\n\tc\r\n\r\n", 400},
            {"GET / HTTP/1.1\r\n A: b\r\n" HOST "\r\n", 400},
            {"GET / HTTP/1.1\r\n" HOST "Transfer-Encoding:\r\n chunked\r\n\r\n", 400},
        });
}

TEST(RequestHead, HeaderFieldsThatAreMalformed) {
  using namespace std::string_view_literals;
  check(Kind::request, {
                           {"GET / HTTP/1.1\r\n" HOST "A:\r\nB:   \r\nC:x\r\n\r\n", 0},
                           {"GET / HTTP/1.1\r\n" HOST "A: \xc3\xa4\tb\r\n\r\n", 0},
                           {"GET / HTTP/1.1\r\n" HOST "A : b\r\n\r\n", 400},
                           {"GET / HTTP/1.1\r\n" HOST "A\t: b\r\n\r\n", 400},
                           {"GET / HTTP/1.1\r\n" HOST ": b\r\n\r\n", 400},
                           {"GET / HTTP/1.1\r\n" HOST "A\r\n\r\n", 400},
                           {"GET / HTTP/1.1\r\n" HOST "A b: c\r\n\r\n", 400},
                           {"GET / HTTP/1.1\r\n" HOST "A(b): c\r\n\r\n", 400},
                           {"GET / HTTP/1.1\r\n" HOST "\xc3\xa4: c\r\n\r\n", 400},
                           {"GET / HTTP/1.1\r\n" HOST "A: b\0c\r\n\r\n"sv, 400},
                           {"GET / HTTP/1.1\r\n" HOST "A\0: b\r\n\r\n"sv, 400},
                           {"GET / HTTP/1.1\r\n" HOST "A: b\x01\r\n\r\n", 400},
                           {"GET / HTTP/1.1\r\n" HOST "A: b\x7f\r\n\r\n", 400},
                           {"GET / HTTP/1.1\r\n" HOST "A: b\vc\r\n\r\n", 400},
                       });
}

TEST(RequestHead, HostIsThereOnceAndWellFormed) {
  check(Kind::request, {
                           {"GET / HTTP/1.1\r\n\r\n", 400},
                           {"GET / HTTP/1.1\r\nHost:\r\n\r\n", 400},
                           {"GET / HTTP/1.1\r\n" HOST HOST "\r\n", 400},
                           {"GET / HTTP/1.1\r\n" HOST "hOsT: b\r\n\r\n", 400},
                           {"GET / HTTP/1.0\r\n" HOST HOST "\r\n", 400},
                           {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
                           {"GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", 400},
                           {"GET / HTTP/1.1\r\nHost:\ta\r\n\r\n", 400},
                           {"GET / HTTP/1.1\r\nHost: a..b\r\n\r\n", 400},
                           {"GET / HTTP/1.1\r\nHost: a.b.\r\n\r\n", 0},
                           {"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
                           {"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400},
                           {"GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", 400},
                           {"GET / HTTP/1.1\r\nHost: a:1:2\r\n\r\n", 400},
                           {"GET / HTTP/1.1\r\nHost: a:123456\r\n\r\n", 400},
                           {"GET / HTTP/1.1\r\nHost: :80\r\n\r\n", 400},
                           {"GET / HTTP/1.1\r\nHost: a\\b\r\n\r\n", 400},
                           {"GET / HTTP/1.1\r\nHost: a?b\r\n\r\n", 400},
                           {"GET / HTTP/1.1\r\nHost: a_b.example:\r\n\r\n", 0},
                           {"GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", 0},
                           {"GET / HTTP/1.1\r\nHost: [::1]\r\n\r\n", 0},
                           {"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", 400},
                           {"GET / HTTP/1.1\r\nHost: []\r\n\r\n", 400},
                           {"GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n", 400},
                           {"GET / HTTP/1.1\r\nHost: [a]:80\r\n\r\n", 0},
                           {"GET / HTTP/1.1\r\nHost: [g]:80\r\n\r\n", 400},
                       });
}

#define POST "POST / HTTP/1.1\r\n" HOST

TEST(RequestHead, ContentIsFramedInOneWayOnly) {
  check(Kind::request,
        {
            {POST "Content-Length: 5\r\n\r\n", 0},
            {POST "Content-Length:\t5\t\r\n\r\n", 400},
            {POST "Content-Length: \t 5\r\n\r\n", 400},
            {POST "Content-Length:   5  \r\n\r\n", 0},
            {POST "Content-Length: 005\r\n\r\n", 0},
            {POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", 400},
            {POST "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", 400},
            {POST "Content-Length: 5, 5\r\n\r\n", 400},
            {POST "Content-Length: 5 5\r\n\r\n", 400},
            {POST "Content-Length: +5\r\n\r\n", 400},
            {POST "Content-Length: -5\r\n\r\n", 400},
            {POST "Content-Length: 0x5\r\n\r\n", 400},
            {POST "Content-Length: 5.\r\n\r\n", 400},
            {POST "Content-Length: \r\n\r\n", 400},
            {POST "Content-Length: five\r\n\r\n", 400},
            {POST "Content-Length: 999999999999999999\r\n\r\n", 0},
            {POST "Content-Length: 9999999999999999999\r\n\r\n", 413},
            {POST "Content-Length: 99999999999999999999999\r\n\r\n", 413},
            {POST "Content_Length: 5\r\n\r\n", 0},
            {POST "Transfer-Encoding: chunked\r\n\r\n", 0},
            {POST "Transfer-Encoding: Chunked\r\n\r\n", 0},
            {POST "transfer-encoding: chunked \r\n\r\n", 0},
            {POST "Transfer-Encoding:\tchunked\r\n\r\n", 400},
            {POST "Transfer-Encoding: chunked \t \r\n\r\n", 400},
            {POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", 400},
            {POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
            {POST "Content-Length: 5\r\nTransfer-Encoding: xchunked\r\n\r\n", 501},
            {POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
            {POST "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n", 501},
            {POST "Transfer-Encoding: gzip, chunked\r\n\r\n", 501},
            {POST "Transfer-Encoding: chunked, chunked\r\n\r\n", 501},
            {POST "Transfer-Encoding: chunked, identity\r\n\r\n", 501},
            {POST "Transfer-Encoding: xchunked\r\n\r\n", 501},
            {POST "Transfer-Encoding: chunkedx\r\n\r\n", 501},
            {POST "Transfer-Encoding: \"chunked\"\r\n\r\n", 501},
            {POST "Transfer-Encoding: chunked;q=1\r\n\r\n", 501},
            {POST "Transfer-Encoding:\r\n\r\n", 501},
            {POST "Transfer-Encoding : chunked\r\n\r\n", 400},
            {POST "Transfer-Encoding: \vchunked\r\n\r\n", 400},
            {"POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n", 400},
            {POST "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n", 0},
            {POST "Expect: 100-Continue\r\nContent-Length: 5\r\n\r\n", 0},
            {POST "Expect: tea\r\n\r\n", 417},
            {POST "Expect: 100-continue\r\nExpect: 100-continue\r\n\r\n", 400},
        });
}

TEST(RequestHead, LimitsHoldToTheByte) {
  const std::string line = "GET / HTTP/1.1\r\n" HOST;
  const auto head_of = [&](std::size_t bytes) {
    return line + "A: " + std::string(bytes - line.size() - 3 - 4, 'x') + "\r\n\r\n";
  };
  EXPECT_EQ(outcome(Kind::request, head_of(limits::kHeadBytes)),
            "ok " + std::to_string(limits::kHeadBytes));
  EXPECT_EQ(outcome(Kind::request, head_of(limits::kHeadBytes + 1)),
            "431 the headers are too large");
  EXPECT_EQ(outcome_in_pieces(Kind::request, head_of(limits::kHeadBytes + 1), 1000, 1000),
            "431 the headers are too large");

  EXPECT_EQ(outcome(Kind::request, "GET /" + std::string(limits::kHeadBytes, 'x')),
            "414 the request line is too long");
  const auto target_of = [](std::size_t bytes) {
    return "GET /" + std::string(bytes - 1, 'x') + " HTTP/1.1\r\n" HOST "\r\n";
  };
  EXPECT_TRUE(outcome(Kind::request, target_of(limits::kTargetBytes)).starts_with("ok"));
  EXPECT_EQ(outcome(Kind::request, target_of(limits::kTargetBytes + 1)),
            "414 the target is too long");

  std::string many = line;
  for (std::size_t i = 1; i < limits::kHeaderCount; ++i) many += "A: b\r\n";
  EXPECT_TRUE(outcome(Kind::request, many + "\r\n").starts_with("ok"));
  EXPECT_EQ(outcome(Kind::request, many + "A: b\r\n\r\n"), "431 too many headers");
}

HeadView parsed(Kind kind, std::string_view bytes, HeadSpace& space) {
  HeadParser parser(kind);
  const auto result = parser.parse(bytes, space);
  EXPECT_TRUE(result && *result) << bytes;
  return result && *result ? **result : HeadView{};
}

TEST(RequestHead, ViewsPointIntoTheBytesGiven) {
  const std::string bytes =
      "\r\nPOST /a/b?c HTTP/1.1\r\nHost: h:8080\r\nX-One:  1 \r\nContent-Length: 3\r\n\r\nabc";
  HeadSpace space;
  const HeadView head = parsed(Kind::request, bytes, space);
  EXPECT_EQ(head.method, "POST");
  EXPECT_EQ(head.target, "/a/b?c");
  EXPECT_EQ(head.path_query, "/a/b?c");
  EXPECT_EQ(head.authority, "h:8080");
  EXPECT_EQ(head.headers.size(), 3U);
  EXPECT_EQ(head.find("x-oNE"), "1");
  EXPECT_EQ(head.find("x-two"), std::nullopt);
  EXPECT_EQ(head.content_length, 3U);
  EXPECT_EQ(bytes.substr(head.bytes), "abc");
  for (const std::string_view view : {head.method, head.target, head.headers[1].value})
    EXPECT_TRUE(view.data() >= bytes.data() && view.data() < bytes.data() + bytes.size());
}

TEST(RequestHead, AnAbsoluteTargetSaysHostAndPath) {
  HeadSpace space;
  HeadView head = parsed(Kind::request, "GET http://A.example:81/x?y HTTP/1.0\r\n\r\n", space);
  EXPECT_EQ(head.authority, "A.example:81");
  EXPECT_EQ(head.path_query, "/x?y");
}

TEST(RequestHead, AnAbsoluteTargetWithoutAPathMeansTheRootWithinTheBytesGiven) {
  HeadSpace space;
  const std::string bytes = "GET http://a.example HTTP/1.0\r\n\r\n";
  const HeadView head = parsed(Kind::request, bytes, space);
  EXPECT_EQ(head.path_query, "/");
  EXPECT_TRUE(head.path_query.data() >= bytes.data() &&
              head.path_query.data() < bytes.data() + bytes.size());
}

TEST(RequestHead, TellsWhetherTheConnectionIsKept) {
  HeadSpace space;
  const auto kept = [&](std::string_view text) {
    return parsed(Kind::request, text, space).keep_alive;
  };
  EXPECT_TRUE(kept("GET / HTTP/1.1\r\n" HOST "\r\n"));
  EXPECT_TRUE(kept("GET / HTTP/1.1\r\n" HOST "Connection: xclose\r\n\r\n"));
  EXPECT_FALSE(kept("GET / HTTP/1.1\r\n" HOST "Connection: Close\r\n\r\n"));
  EXPECT_FALSE(kept("GET / HTTP/1.1\r\n" HOST "Connection: te ,\tclose\r\n\r\n"));
  EXPECT_FALSE(kept("GET / HTTP/1.1\r\n" HOST "Connection: te\r\nConnection: close\r\n\r\n"));
  EXPECT_FALSE(kept("GET / HTTP/1.0\r\n\r\n"));
  EXPECT_TRUE(kept("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
}

TEST(RequestHead, AnUpgradeMustBeNamedByConnection) {
  HeadSpace space;
  const auto upgrade = [&](std::string_view text) {
    return parsed(Kind::request, text, space).upgrade;
  };
  EXPECT_TRUE(upgrade("GET / HTTP/1.1\r\n" HOST
                      "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n\r\n"));
  EXPECT_FALSE(upgrade("GET / HTTP/1.1\r\n" HOST "Upgrade: websocket\r\n\r\n"));
  EXPECT_FALSE(upgrade("GET / HTTP/1.1\r\n" HOST "Connection: upgrade\r\n\r\n"));
  EXPECT_FALSE(upgrade("GET / HTTP/1.0\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n"));
}

TEST(ResponseHead, StatusLinesAndFraming) {
  using namespace std::string_view_literals;
  check(Kind::response,
        {
            {"HTTP/1.1 200 OK\r\n\r\n", 0},
            {"HTTP/1.1 200 \r\n\r\n", 0},
            {"HTTP/1.1 200\r\n\r\n", 0},
            {"HTTP/1.0 404 Not \xc3\xa4 Found\r\nA: b\r\n\r\n", 0},
            {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 0},
            {"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", 0},
            {"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", 0},
            {"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", 502},
            {"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", 502},
            {"HTTP/1.1 100 Continue\r\nTransfer-Encoding: chunked\r\n\r\n", 502},
            {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", 502},
            {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 502},
            {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", 502},
            {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 502},
            {"HTTP/1.1 2OO OK\r\n\r\n", 502},
            {"HTTP/1.1 20 OK\r\n\r\n", 502},
            {"HTTP/1.1 2000 OK\r\n\r\n", 502},
            {"HTTP/1.1 600 Odd\r\n\r\n", 502},
            {"HTTP/1.1 099 Odd\r\n\r\n", 502},
            {"HTTP/1.1  200 OK\r\n\r\n", 502},
            {"HTTP/2.0 200 OK\r\n\r\n", 502},
            {"HTTP/1.1 200 OK\n\r\n", 502},
            {"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", 502},
            {"HTTP/1.1 200 O\0K\r\n\r\n"sv, 502},
            {"ICY 200 OK\r\n\r\n", 502},
            {"\r\nHTTP/1.1 200 OK\r\n\r\n", 502},
        });
}

TEST(ResponseHead, WhatFollowsDependsOnTheRequestToo) {
  HeadSpace space;
  const auto kind = [&](std::string_view text, std::string_view method) {
    return framing_of_response(parsed(Kind::response, text, space), method).kind;
  };
  EXPECT_EQ(kind("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "GET"), Framing::Kind::length);
  EXPECT_EQ(kind("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "HEAD"), Framing::Kind::none);
  EXPECT_EQ(kind("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "GET"), Framing::Kind::none);
  EXPECT_EQ(kind("HTTP/1.1 200 OK\r\n\r\n", "GET"), Framing::Kind::until_close);
  EXPECT_EQ(kind("HTTP/1.1 204 x\r\n\r\n", "GET"), Framing::Kind::none);
  EXPECT_EQ(kind("HTTP/1.1 304 x\r\nContent-Length: 5\r\n\r\n", "GET"), Framing::Kind::none);
  EXPECT_EQ(kind("HTTP/1.1 100 x\r\n\r\n", "GET"), Framing::Kind::none);
  EXPECT_EQ(kind("HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\n\r\n", "GET"),
            Framing::Kind::chunked);
}

}  // namespace
}  // namespace nuri::http

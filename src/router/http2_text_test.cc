#include "router/http2_text.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/limits.h"
#include "http/head_text.h"

namespace nuri::router {
namespace {

using Content = Http2Block::Content;
using Fields = std::vector<std::pair<std::string, std::string>>;

Http2Block block(const Fields& fields) {
  Http2Block out;
  for (const auto& [name, value] : fields) out.add(name, value);
  return out;
}

// With the pseudo fields of a plain GET before `more`.
Http2Block get(const Fields& more) {
  Fields all{{":method", "GET"}, {":scheme", "https"}, {":authority", "a.test"}, {":path", "/p?q"}};
  all.insert(all.end(), more.begin(), more.end());
  return block(all);
}

// "accepted", or the status that the parser refuses the text with.
std::string judged(const std::string& request) {
  http::HeadSpace space;
  http::HeadParser parser(http::HeadParser::Kind::request);
  const auto head = parser.parse(request, space);
  if (!head) return fmt::to_string(head.error().status);
  return *head ? "accepted" : "unfinished";
}

// "name: value" lines.
std::string lines(const Http2Fields& fields) {
  std::string out;
  for (const auto& field : fields.list())
    out += fmt::format(
        "{}: {}\n", std::string_view(reinterpret_cast<const char*>(field.name), field.namelen),
        std::string_view(reinterpret_cast<const char*>(field.value), field.valuelen));
  return out;
}

TEST(Http2Text, ARequestsBlockBecomesAHead) {
  EXPECT_EQ(get({{"accept", "*/*"}, {"x-a", "1"}}).request(Content::none),
            "GET /p?q HTTP/1.1\r\nHost: a.test\r\naccept: */*\r\nx-a: 1\r\n\r\n");
}

TEST(Http2Text, CrumbsOfCookiesAreOneField) {
  EXPECT_EQ(get({{"cookie", "a=1"}, {"x", "y"}, {"cookie", "b=2"}}).request(Content::none),
            "GET /p?q HTTP/1.1\r\nHost: a.test\r\nx: y\r\ncookie: a=1; b=2\r\n\r\n");
}

TEST(Http2Text, TheAuthorityIsTheHost) {
  const std::string expected = "GET /p?q HTTP/1.1\r\nHost: a.test\r\n\r\n";
  EXPECT_EQ(get({}).request(Content::none), expected);
  EXPECT_EQ(get({{"host", "a.test"}}).request(Content::none), expected);
  EXPECT_EQ(get({{"host", "A.Test"}}).request(Content::none), expected);
}

TEST(Http2Text, WithoutAnAuthorityHostIsTheHost) {
  const Fields pseudo{{":method", "GET"}, {":scheme", "http"}, {":path", "/"}};
  Fields with = pseudo;
  with.push_back({"host", "a.test"});
  const std::string text = block(with).request(Content::none);
  EXPECT_EQ(text, "GET / HTTP/1.1\r\nhost: a.test\r\n\r\n");
  EXPECT_EQ(judged(text), "accepted");
}

TEST(Http2Text, ARequestWithoutHostOrWithTwoIsRefused) {
  EXPECT_EQ(
      judged(
          block({{":method", "GET"}, {":scheme", "http"}, {":path", "/"}}).request(Content::none)),
      "400");
  EXPECT_EQ(judged(get({{"host", "b.test"}}).request(Content::none)), "400");
  EXPECT_EQ(judged(get({{"host", "a.test:8080"}}).request(Content::none)), "400");
}

TEST(Http2Text, ContentOfUnknownLengthIsChunked) {
  EXPECT_TRUE(get({}).request(Content::follows).ends_with("Transfer-Encoding: chunked\r\n\r\n"));
  EXPECT_TRUE(get({{"content-length", "3"}})
                  .request(Content::follows)
                  .ends_with("content-length: 3\r\n\r\n"));
  EXPECT_FALSE(get({}).request(Content::none).contains("chunked"));
}

TEST(Http2Text, WhatIsNoPathIsRefused) {
  const auto with = [](std::string method, std::string path) {
    return judged(block({{":method", std::move(method)},
                         {":scheme", "x"},
                         {":authority", "a.test"},
                         {":path", std::move(path)}})
                      .request(Content::none));
  };
  EXPECT_EQ(with("GET", "/"), "accepted");
  EXPECT_EQ(with("OPTIONS", "*"), "accepted");
  EXPECT_EQ(with("GET", ""), "400");
  EXPECT_EQ(with("GET", "p"), "400");
  EXPECT_EQ(with("GET", "http://b.test/"), "400");
  EXPECT_NE(with("GET", "/ HTTP/1.0"), "accepted");
  EXPECT_NE(with("GET", "/ /"), "accepted");
  EXPECT_NE(with("GET /x HTTP/1.1", "/"), "accepted");
  EXPECT_EQ(with("CONNECT", ""), "400");
}

TEST(Http2Text, NoValueBreaksOutOfItsLine) {
  const std::string text = get({{"x", "1\r\nY: 2"}, {"cookie", "a\nZ: 3"}}).request(Content::none);
  EXPECT_EQ(text, "GET /p?q HTTP/1.1\r\nHost: a.test\r\nx: 1  Y: 2\r\ncookie: a Z: 3\r\n\r\n");
}

TEST(Http2Text, AnOversizeBlockIsRefusedAndNotKept) {
  const std::string value(1000, 'v');
  for (const std::string name : {"x-much", "cookie", "accept"}) {
    Http2Block all = get({});
    for (int n = 0; n < 10'000; ++n) all.add(name, value);
    const std::string text = all.request(Content::none);
    EXPECT_LT(text.size(), limits::kHeadBytes + 3 * value.size()) << name;
    EXPECT_EQ(judged(text), "431") << name;
  }
  Http2Block empty = get({});
  for (int n = 0; n < 100'000; ++n) empty.add("cookie", "");
  EXPECT_LT(empty.request(Content::none).size(), 2 * limits::kHeadBytes);
}

TEST(Http2Text, AnAnswersBlockBecomesAHead) {
  bool framed = true;
  EXPECT_EQ(
      block({{":status", "200"}, {"content-length", "2"}}).answer(Content::follows, "GET", framed),
      "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n");
  EXPECT_FALSE(framed);
  EXPECT_EQ(block({{":status", "200"}, {"x", "y"}}).answer(Content::follows, "GET", framed),
            "HTTP/1.1 200 OK\r\nx: y\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_TRUE(framed);
  EXPECT_EQ(block({{":status", "200"}}).answer(Content::none, "GET", framed),
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  EXPECT_FALSE(framed);
  EXPECT_EQ(block({{":status", "200"}}).answer(Content::none, "HEAD", framed),
            "HTTP/1.1 200 OK\r\n\r\n");
  for (const std::string status : {"103", "204", "304"}) {
    const std::string text = block({{":status", status}}).answer(Content::none, "GET", framed);
    EXPECT_FALSE(text.contains("Content-Length") || text.contains("chunked")) << text;
  }
}

// A head as HTTP/1.1 has it, and what HTTP/2 would send for it.
std::string sent(http::HeadParser::Kind kind, const std::string& text) {
  http::HeadSpace space;
  http::HeadParser parser(kind);
  const auto head = parser.parse(text, space);
  EXPECT_TRUE(head && *head) << text;
  Http2Fields fields;
  if (kind == http::HeadParser::Kind::request)
    fields.request(**head, "http");
  else
    fields.answer(**head);
  return lines(fields);
}

TEST(Http2Text, AnAnswersHeadLosesTheConnectionsFieldsAndCapitals) {
  EXPECT_EQ(sent(http::HeadParser::Kind::response,
                 "HTTP/1.1 200 Fine\r\nContent-Length: 2\r\nConnection: close, X-A\r\n"
                 "Keep-Alive: 5\r\nX-Some: Value\r\nProxy-Connection: close\r\n\r\n"),
            ":status: 200\ncontent-length: 2\nx-some: Value\n");
  EXPECT_EQ(sent(http::HeadParser::Kind::response,
                 "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nUpgrade: h2c\r\n\r\n"),
            ":status: 200\n");
}

TEST(Http2Text, ARequestsHeadBecomesPseudoFields) {
  EXPECT_EQ(sent(http::HeadParser::Kind::request,
                 "POST /a?b HTTP/1.1\r\nHost: a.test:80\r\nContent-Length: 2\r\nX-A: B\r\n"
                 "Connection: close\r\n\r\n"),
            ":method: POST\n:scheme: http\n:authority: a.test:80\n:path: /a?b\n"
            "content-length: 2\nx-a: B\nte: trailers\n");
}

TEST(Http2Text, ChunksCarryTheirSizeAndAnEmptyOneIsNotTheLast) {
  std::string out;
  http::append_chunk(out, "hello");
  http::append_chunk(out, "");
  http::append_chunk(out, std::string(16, 'x'));
  EXPECT_EQ(out, "5\r\nhello\r\n10\r\nxxxxxxxxxxxxxxxx\r\n");
}

}  // namespace
}  // namespace nuri::router

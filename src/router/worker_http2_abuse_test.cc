#include <fmt/format.h>

#include <atomic>

#include "base/limits.h"
#include "router/http2_session.h"
#include "router/test_http2.h"
#include "router/test_worker.h"

// HTTP/2 clients that break the protocol or make more work than they ask for.

namespace nuri::router {
namespace {

constexpr std::uint8_t kWhole = NGHTTP2_FLAG_END_STREAM | NGHTTP2_FLAG_END_HEADERS;

// The status of an answer's head; the router's encoder writes common ones as one indexed byte.
bool answered(RawHttp2& client) {
  return client.hear({NGHTTP2_HEADERS, NGHTTP2_RST_STREAM}).type == NGHTTP2_HEADERS;
}

TEST(WorkerHttp2Abuse, StreamsBeyondTheLimitAreRefused) {
  std::atomic<bool> release = false;
  Instance app([&](Talk& talk) {
    talk.hear_head();
    eventually([&] { return release.load(); });
  });
  TestWorker router;
  router.put("a.test", {app.address()});
  RawHttp2 client(router.talk());
  for (std::uint32_t n = 0; n < 129; ++n)
    client.say(NGHTTP2_HEADERS, kWhole, 2 * n + 1, RawHttp2::get_block("a.test"));
  const auto refused = client.hear({NGHTTP2_RST_STREAM});
  EXPECT_EQ(refused.stream, 257U);
  EXPECT_EQ(refused.code(), std::uint32_t{NGHTTP2_REFUSED_STREAM});
  release = true;
}

TEST(WorkerHttp2Abuse, AnOversizeHeadIsAnsweredWith431) {
  TestWorker router;
  Http2Client client(router.talk());
  const std::string value(1000, 'v');
  for (const std::string name : {"x-much", "cookie"})
    EXPECT_EQ(client.wait(client.get("a.test", "/", Http2Pairs(40, {name, value}))).status, 431);
  EXPECT_EQ(client.wait(client.get("a.test")).status, 404);
}

TEST(WorkerHttp2Abuse, AFieldThatIsRepeatedByIndexIsRefusedAndNotKept) {
  TestWorker router;
  RawHttp2 client(router.talk());
  std::string block = RawHttp2::get_block("a.test");
  // Literal with indexing; then, a byte each, the same again (RFC 7541 sections 6.1, 6.2.1).
  const std::string crumb = RawHttp2::block({{"cookie", std::string(3900, 'c')}}).substr(1);
  block += '\x40' + crumb + std::string(12'000, '\xbe');
  ASSERT_LT(block.size(), 16'384U);
  client.say(NGHTTP2_HEADERS, kWhole, 1, block);
  const auto answer = client.hear({NGHTTP2_HEADERS, NGHTTP2_RST_STREAM});
  ASSERT_EQ(answer.type, NGHTTP2_HEADERS);
  EXPECT_NE(answer.payload.find("431"), std::string::npos);
}

TEST(WorkerHttp2Abuse, RequestsThatAreResetAtOnceEndTheConnection) {
  Instance app([](Talk& talk) { talk.hear_all(); });
  TestWorker router;
  router.put("a.test", {app.address()});
  RawHttp2 client(router.talk());
  std::string all;
  for (std::uint32_t n = 0; n < 5000; ++n) {
    all += RawHttp2::frame(NGHTTP2_HEADERS, kWhole, 2 * n + 1, RawHttp2::get_block("a.test"));
    all += RawHttp2::frame(NGHTTP2_RST_STREAM, 0, 2 * n + 1, std::string("\0\0\0\x08", 4));
  }
  client.talk().say(all);
  const auto goaway = client.hear({NGHTTP2_GOAWAY});
  EXPECT_EQ(goaway.type, NGHTTP2_GOAWAY);
  EXPECT_NE(goaway.code(), std::uint32_t{NGHTTP2_NO_ERROR});
  EXPECT_EQ(client.hear({NGHTTP2_GOAWAY}).type, 255);
}

// Whether the router ends the connection of a client that says so much and only then reads.
bool ends(RawHttp2& client, const std::function<std::string()>& batch) {
  for (std::size_t said = 0; said < 64 * limits::kMiB;) {
    const std::string text = batch();
    said += text.size();
    if (!client.talk().say(text)) return true;
  }
  while (!client.talk().hear_some().empty()) {
  }
  return client.talk().ended();
}

TEST(WorkerHttp2Abuse, FloodsOfWhatMustBeAnsweredEndTheConnection) {
  TestWorker router;
  const std::string floods[] = {RawHttp2::frame(NGHTTP2_PING, 0, 0, "12345678"),
                                RawHttp2::frame(NGHTTP2_SETTINGS, 0, 0, "")};
  for (const auto& flood : floods) {
    RawHttp2 client(router.talk());
    std::string batch;
    while (batch.size() < 64 * limits::kKiB) batch += flood;
    EXPECT_TRUE(ends(client, [&] { return batch; }));
  }
  Http2Client client(router.talk());
  EXPECT_EQ(client.wait(client.get("a.test")).status, 404);
}

TEST(WorkerHttp2Abuse, StreamsThatAreRefusedUnreadEndTheConnection) {
  std::atomic<bool> release = false;
  Instance app([&](Talk& talk) {
    talk.hear_head();
    eventually([&] { return release.load(); });
  });
  TestWorker router;
  router.put("a.test", {app.address()});
  RawHttp2 client(router.talk());
  std::uint32_t id = 1;
  EXPECT_TRUE(ends(client, [&] {
    std::string all;
    for (int n = 0; n < 1000; ++n, id += 2)
      all += RawHttp2::frame(NGHTTP2_HEADERS, kWhole, id, RawHttp2::get_block("a.test"));
    return all;
  }));
  release = true;
}

TEST(WorkerHttp2Abuse, SettingsWithTooManyEntriesEndTheConnection) {
  TestWorker router;
  RawHttp2 client(router.talk());
  std::string entries;
  for (int n = 0; n < 100; ++n) entries += std::string("\0\x04\0\0\xff\xff", 6);
  client.say(NGHTTP2_SETTINGS, 0, 0, entries);
  EXPECT_EQ(client.hear({NGHTTP2_HEADERS}).type, 255);
}

TEST(WorkerHttp2Abuse, AHeadOfEndlessContinuationsEndsTheConnection) {
  TestWorker router;
  RawHttp2 client(router.talk());
  client.say(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_STREAM, 1, RawHttp2::get_block("a.test"));
  for (int n = 0; n < 100; ++n)
    client.say(NGHTTP2_CONTINUATION, 0, 1, RawHttp2::block({{"x", "y"}}));
  EXPECT_EQ(client.hear({NGHTTP2_HEADERS}).type, 255);
}

TEST(WorkerHttp2Abuse, AHeadThatIsNeverWholeEndsWithTheConnectionsIdleTime) {
  TestWorker router(Deadlines{.idle = 100ms});
  RawHttp2 client(router.talk());
  client.say(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_STREAM, 1, RawHttp2::get_block("a.test"));
  EXPECT_EQ(client.hear({NGHTTP2_HEADERS}).type, 255);
}

TEST(WorkerHttp2Abuse, PingsDoNotKeepAConnectionThatAsksNothing) {
  TestWorker router(Deadlines{.idle = 100ms});
  RawHttp2 client(router.talk());
  RawHttp2::Frame frame;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  do {
    client.say(NGHTTP2_PING, 0, 0, "12345678");
    frame = client.hear({NGHTTP2_PING, NGHTTP2_GOAWAY});
  } while (frame.type == NGHTTP2_PING && std::chrono::steady_clock::now() < deadline);
  EXPECT_EQ(frame.type, NGHTTP2_GOAWAY);
  EXPECT_EQ(frame.code(), std::uint32_t{NGHTTP2_NO_ERROR});
  EXPECT_EQ(client.hear({NGHTTP2_HEADERS}).type, 255);
}

TEST(WorkerHttp2Abuse, MalformedHeadsResetTheirStreamOnly) {
  TestWorker router;
  RawHttp2 client(router.talk());
  const Http2Pairs pseudo{
      {":method", "GET"}, {":scheme", "http"}, {":authority", "a.test"}, {":path", "/"}};
  const auto with = [&](Http2Pairs more) {
    Http2Pairs all = pseudo;
    all.insert(all.end(), more.begin(), more.end());
    return all;
  };
  const Http2Pairs heads[] = {
      {{":method", "GET"}, {":scheme", "http"}, {":authority", "a.test"}},
      {{":method", "GET"}, {":authority", "a.test"}, {":path", "/"}},
      {{":method", "GET"}, {":scheme", "http"}, {":path", "/"}},
      {{"x", "y"}, {":method", "GET"}, {":scheme", "http"}, {":path", "/"}},
      {{":method", "GET"}, {":scheme", "http"}, {":authority", "a.test"}, {":path", ""}},
      {{":method", "CONNECT"}, {":scheme", "http"}, {":authority", "a.test"}, {":path", "/"}},
      with({{":path", "/b"}}),
      with({{":other", "b"}}),
      with({{":status", "200"}}),
      with({{"X-Upper", "y"}}),
      with({{"transfer-encoding", "chunked"}}),
      with({{"connection", "close"}}),
      with({{"upgrade", "websocket"}}),
      with({{"te", "gzip"}}),
      with({{"content-length", "5"}}),
      with({{"x", "a\r\nb: c"}})};
  std::uint32_t id = 1;
  for (const auto& head : heads) {
    client.say(NGHTTP2_HEADERS, kWhole, id, RawHttp2::block(head));
    const auto reset = client.hear({NGHTTP2_RST_STREAM, NGHTTP2_HEADERS, NGHTTP2_GOAWAY});
    EXPECT_EQ(reset.type, NGHTTP2_RST_STREAM) << "head " << id / 2;
    EXPECT_EQ(reset.stream, id);
    id += 2;
  }
  client.say(NGHTTP2_HEADERS, kWhole, id, RawHttp2::block(pseudo));
  EXPECT_TRUE(answered(client));
}

TEST(WorkerHttp2Abuse, RequestsThatHttp11WouldRefuseAreRefused) {
  std::atomic<int> heads = 0;
  Instance app([&](Talk& talk) {
    if (!talk.hear_head().empty()) ++heads;
  });
  TestWorker router;
  router.put("a.test", {app.address()});
  router.put("b.test", {app.address()});
  Http2Client client(router.talk());
  EXPECT_EQ(client.wait(client.get("a.test", "/", {{"host", "b.test"}})).status, 400);
  EXPECT_NE(client.wait(client.get("a.test b.test")).status, 200);
  RawHttp2 raw(router.talk());
  raw.say(NGHTTP2_HEADERS, kWhole, 1,
          RawHttp2::block({{":method", "CONNECT"}, {":authority", "a.test:443"}}));
  raw.hear({NGHTTP2_HEADERS, NGHTTP2_RST_STREAM});
  EXPECT_EQ(heads, 0);
}

TEST(WorkerHttp2Abuse, WhatIsNoPrefaceIsNoHttp2) {
  TestWorker router;
  for (const std::string_view text :
       {"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", "PRI * HTTP/1.1\r\n\r\n", "PUT"}) {
    Talk client = router.talk();
    client.say(text);
    client.finish();
    const std::string answer = client.hear_all();
    EXPECT_TRUE(answer.empty() || answer.starts_with("HTTP/1.1 4") ||
                answer.starts_with("HTTP/1.1 5"))
        << answer;
  }
}

TEST(WorkerHttp2Abuse, GarbageAfterThePrefaceEndsTheConnection) {
  TestWorker router;
  Talk client = router.talk();
  client.say(Http2Session::kPreface);
  client.say(std::string(100, '\xff'));
  EXPECT_FALSE(client.hear_all().starts_with("HTTP/1.1"));
}

TEST(WorkerHttp2Abuse, APrefaceThatDoesNotComeWholeIsGivenTheTimeOfAHead) {
  TestWorker router(Deadlines{.head = 100ms});
  for (const std::string_view begin : {"P", "PRI * HTTP/2.0\r\n\r\nSM"}) {
    Talk client = router.talk();
    client.say(begin);
    std::string head;
    client.hear_answer(head);
    EXPECT_EQ(status_of(head), 408);
    EXPECT_TRUE(client.ended());
  }
}

TEST(WorkerHttp2Abuse, ARequestThatBeginsAsThePrefaceDoesIsServed) {
  Instance app(answering("hello"));
  TestWorker router;
  router.put("a.test", {app.address()});
  Talk client = router.talk();
  client.say("P");
  client.say("OST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1\r\n\r\nx");
  std::string head;
  EXPECT_EQ(client.hear_answer(head), "hello");
}

}  // namespace
}  // namespace nuri::router

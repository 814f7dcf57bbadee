#include <fmt/format.h>

#include <atomic>

#include "router/test_http2.h"
#include "router/test_worker.h"

// HTTP/2 clients that behave: requests of every kind, side by side.

namespace nuri::router {
namespace {

// Answers with the request's head as content, after reading content of a known length.
Instance::Behave echoing_heads() {
  return [](Talk& talk) {
    for (;;) {
      const std::string head = talk.hear_head();
      if (head.empty()) return;
      if (const auto length = field(head, "Content-Length"); !length.empty())
        talk.hear(std::stoul(length));
      talk.say(fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{}", head.size(), head));
    }
  };
}

TEST(WorkerHttp2, AGetReachesTheInstanceAsHttp11) {
  Instance app(echoing_heads());
  TestWorker router;
  router.put("a.test", {app.address()});
  Http2Client client(router.talk());
  const auto& answer = client.wait(client.get("a.test", "/p?q", {{"x-some", "thing"}}));
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(answer.ended);
  EXPECT_FALSE(answer.reset);
  EXPECT_TRUE(answer.content.starts_with("GET /p?q HTTP/1.1\r\n")) << answer.content;
  EXPECT_EQ(field(answer.content, "Host"), "a.test");
  EXPECT_EQ(field(answer.content, "X-Some"), "thing");
  EXPECT_EQ(field(answer.content, "X-Forwarded-Proto"), "http");
  EXPECT_EQ(field(answer.content, "X-Forwarded-For"), "127.0.0.1");
  EXPECT_EQ(answer.field("content-length"), fmt::to_string(answer.content.size()));
}

TEST(WorkerHttp2, AHeadIsAnsweredWithoutContent) {
  Instance app(answering("hello"));
  TestWorker router;
  router.put("a.test", {app.address()});
  Http2Client client(router.talk());
  const auto& answer = client.wait(client.ask("HEAD", "a.test", "/"));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.field("content-length"), "5");
  EXPECT_EQ(answer.content, "");
  EXPECT_TRUE(answer.ended);
}

TEST(WorkerHttp2, AnswersWithoutContentEndWithTheirHead) {
  Instance app([](Talk& talk) {
    for (std::string head; !(head = talk.hear_head()).empty();)
      talk.say(head.starts_with("GET /204") ? "HTTP/1.1 204 No Content\r\n\r\n"
                                            : "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n");
  });
  TestWorker router;
  router.put("a.test", {app.address()});
  Http2Client client(router.talk());
  const auto& none = client.wait(client.get("a.test", "/204"));
  EXPECT_EQ(none.status, 204);
  EXPECT_TRUE(none.ended);
  const auto& same = client.wait(client.get("a.test", "/304"));
  EXPECT_EQ(same.status, 304);
  EXPECT_EQ(same.field("etag"), "\"x\"");
  EXPECT_TRUE(same.ended);
}

TEST(WorkerHttp2, ARequestForAnUnknownHostIsAnsweredByTheRouter) {
  TestWorker router;
  Http2Client client(router.talk());
  const auto& answer = client.wait(client.get("nobody.test"));
  EXPECT_EQ(answer.status, 404);
  EXPECT_EQ(answer.field("x-nuri-error"), "unknown_route");
  EXPECT_EQ(answer.field("connection"), "");
  EXPECT_TRUE(answer.ended);
}

TEST(WorkerHttp2, ASlowAnswerHoldsNoOther) {
  std::atomic<bool> release = false;
  Instance app([&](Talk& talk) {
    for (std::string head; !(head = talk.hear_head()).empty();) {
      if (head.starts_with("GET /slow")) eventually([&] { return release.load(); });
      talk.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }
  });
  TestWorker router;
  router.put("a.test", {app.address()});
  Http2Client client(router.talk());
  const auto slow = client.get("a.test", "/slow");
  std::vector<std::int32_t> quick;
  for (int n = 0; n < 100; ++n) quick.push_back(client.get("a.test", "/quick"));
  for (const auto id : quick) EXPECT_EQ(client.wait(id).content, "ok");
  EXPECT_EQ(client.answer(slow).status, 0);
  release = true;
  EXPECT_EQ(client.wait(slow).content, "ok");
}

TEST(WorkerHttp2, ContentOfAKnownLengthReachesTheInstanceWithIt) {
  Instance app([](Talk& talk) {
    const std::string head = talk.hear_head();
    const std::string content = talk.hear(11);
    talk.say(fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{}{}",
                         head.size() + content.size(), head, content));
  });
  TestWorker router;
  router.put("a.test", {app.address()});
  Http2Client client(router.talk());
  const auto id = client.post("a.test", "/", {{"content-length", "11"}});
  client.content(id, "hello ");
  client.content(id, "world");
  client.finish(id);
  const auto& answer = client.wait(id);
  EXPECT_EQ(field(answer.content, "Content-Length"), "11");
  EXPECT_EQ(field(answer.content, "Transfer-Encoding"), "");
  EXPECT_TRUE(answer.content.ends_with("\r\n\r\nhello world"));
}

TEST(WorkerHttp2, ContentOfUnknownLengthReachesTheInstanceInChunksWithItsTrailer) {
  Instance app([](Talk& talk) {
    const std::string head = talk.hear_head();
    EXPECT_EQ(field(head, "Transfer-Encoding"), "chunked");
    EXPECT_EQ(field(head, "Content-Length"), "");
    const std::string rest = "6\r\nhello \r\n5\r\nworld\r\n0\r\nx-sum: 1\r\n\r\n";
    EXPECT_EQ(talk.hear(rest.size()), rest);
    talk.say("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ngot");
  });
  TestWorker router;
  router.put("a.test", {app.address()});
  Http2Client client(router.talk());
  const auto id = client.post("a.test");
  client.content(id, "hello ");
  client.content(id, "world");
  client.finish(id, {{"x-sum", "1"}});
  EXPECT_EQ(client.wait(id).content, "got");
}

TEST(WorkerHttp2, TheTrailerOfAnAnswerReachesTheClient) {
  Instance app([](Talk& talk) {
    talk.hear_head();
    talk.say(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
        "5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n");
  });
  TestWorker router;
  router.put("a.test", {app.address()});
  Http2Client client(router.talk());
  const auto& answer = client.wait(client.get("a.test"));
  EXPECT_EQ(answer.content, "hello");
  EXPECT_EQ(answer.trailer, (Http2Pairs{{"x-sum", "1"}}));
  EXPECT_TRUE(answer.ended);
  EXPECT_FALSE(answer.reset);
}

TEST(WorkerHttp2, InterimAnswersAreRelayed) {
  Instance app([](Talk& talk) {
    talk.hear_head();
    talk.say("HTTP/1.1 100 Continue\r\n\r\n");
    EXPECT_EQ(talk.hear(2), "hi");
    talk.say(
        "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  });
  TestWorker router;
  router.put("a.test", {app.address()});
  Http2Client client(router.talk());
  const auto id = client.post("a.test", "/", {{"content-length", "2"}, {"expect", "100-continue"}});
  ASSERT_TRUE(client.until([&] { return !client.answer(id).interims.empty(); }));
  client.content(id, "hi");
  client.finish(id);
  const auto& answer = client.wait(id);
  EXPECT_EQ(answer.interims, (std::vector<int>{100, 103}));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.content, "ok");
}

TEST(WorkerHttp2, AnAnswerUntilItsInstanceClosesIsWhole) {
  Instance app([](Talk& talk) {
    talk.hear_head();
    talk.say("HTTP/1.1 200 OK\r\n\r\nall of it");
  });
  TestWorker router;
  router.put("a.test", {app.address()});
  Http2Client client(router.talk());
  const auto& answer = client.wait(client.get("a.test"));
  EXPECT_EQ(answer.content, "all of it");
  EXPECT_TRUE(answer.ended);
  EXPECT_FALSE(answer.reset);
}

TEST(WorkerHttp2, AnAnswerThatIsWholeEndsBeforeItsExchange) {
  // The instance takes the rest of an upload, so the exchange goes on after the answer.
  std::atomic<bool> release = false;
  Instance app([&](Talk& talk) {
    talk.hear_head();
    talk.say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nearly");
    eventually([&] { return release.load(); });
  });
  TestWorker router;
  router.put("a.test", {app.address()});
  Http2Client client(router.talk());
  const auto id = client.post("a.test");
  client.content(id, "some");
  const auto& answer = client.wait(id);
  EXPECT_EQ(answer.content, "early");
  EXPECT_TRUE(answer.ended);
  // RFC 9113 section 8.1: the rest of the request is not wanted, which is no error.
  EXPECT_EQ(answer.reset, std::optional<std::uint32_t>(NGHTTP2_NO_ERROR));
  release = true;
  EXPECT_EQ(client.wait(client.get("nobody.test")).status, 404);
}

TEST(WorkerHttp2, CookieCrumbsReachTheInstanceAsOneField) {
  Instance app(echoing_heads());
  TestWorker router;
  router.put("a.test", {app.address()});
  Http2Client client(router.talk());
  const auto& answer =
      client.wait(client.get("a.test", "/", {{"cookie", "a=1"}, {"cookie", "b=2"}}));
  EXPECT_EQ(field(answer.content, "Cookie"), "a=1; b=2");
}

TEST(WorkerHttp2, LargeAnswersComeWholeSideBySide) {
  const std::string content(3 << 20, 'd');
  Instance app(answering(content));
  TestWorker router;
  router.put("a.test", {app.address()});
  Http2Client client(router.talk());
  std::vector<std::int32_t> ids;
  for (int n = 0; n < 8; ++n) ids.push_back(client.get("a.test"));
  for (const auto id : ids) {
    EXPECT_EQ(client.wait(id).content.size(), content.size());
    EXPECT_TRUE(client.answer(id).ended);
  }
}

TEST(WorkerHttp2, LargeUploadsComeWhole) {
  constexpr std::size_t kBytes = 5 << 20;
  Instance app([](Talk& talk) {
    talk.hear_head();
    const std::string content = talk.hear(kBytes);
    talk.say(fmt::format("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n{}", content.size()));
  });
  TestWorker router;
  router.put("a.test", {app.address()});
  Http2Client client(router.talk());
  const auto id = client.post("a.test", "/", {{"content-length", fmt::to_string(kBytes)}});
  client.content(id, std::string(kBytes, 'u'));
  client.finish(id);
  EXPECT_EQ(client.wait(id).content, fmt::to_string(kBytes));
}

}  // namespace
}  // namespace nuri::router

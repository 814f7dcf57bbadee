#include <fmt/format.h>

#include <atomic>

#include "router/test_worker.h"

// What clients and instances see of the router, over real sockets.

namespace nuri::router {
namespace {

// Sends one request and returns what the instance got and the client got.
struct Seen {
  std::string request, answer, content;
};

// Hands each request's head to `heads` and answers with `answer`.
Instance::Behave saying(std::string answer, std::string* head = nullptr) {
  return [answer = std::move(answer), head](Talk& talk) {
    const std::string got = talk.hear_head();
    if (got.empty()) return;
    if (head) *head = got;
    talk.say(answer);
    talk.finish();
    talk.hear_all();
  };
}

TEST(Worker, PassesRequestsOnAndAnswersBackOverKeptConnections) {
  Instance app(answering("hello"));
  TestWorker router;
  router.put("a.test", {app.address()});
  Talk client = router.talk();
  for (int n = 0; n < 20; ++n) {
    ASSERT_TRUE(client.say(get("a.test")));
    std::string head;
    EXPECT_EQ(client.hear_answer(head), "hello");
    EXPECT_EQ(status_of(head), 200);
    EXPECT_EQ(field(head, "X-Vcap-Request-Id").size(), 32U);
  }
  EXPECT_EQ(app.connections(), 1U);
}

TEST(Worker, ServesPipelinedRequestsInOrder) {
  Instance app([](Talk& talk) {
    for (std::string head; !(head = talk.hear_head()).empty();) {
      const std::string path = head.substr(4, head.find(' ', 4) - 4);
      talk.say(fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{}", path.size(), path));
    }
  });
  TestWorker router;
  router.put("a.test", {app.address()});
  Talk client = router.talk();
  std::string all;
  for (int n = 0; n < 300; ++n) all += get("a.test", fmt::format("/{}", n));
  std::thread sender([&] { EXPECT_TRUE(client.say(all)); });
  for (int n = 0; n < 300; ++n) {
    std::string head;
    EXPECT_EQ(client.hear_answer(head), fmt::format("/{}", n));
  }
  sender.join();
}

TEST(Worker, ServesAnAbsoluteTargetWithoutAPathAndGoesOn) {
  Instance app(answering("hello"));
  TestWorker router;
  router.put("a.test", {app.address()});
  Talk client = router.talk();
  for (int n = 0; n < 2; ++n) {
    ASSERT_TRUE(client.say("GET http://a.test HTTP/1.1\r\nHost: a.test\r\n\r\n"));
    std::string head;
    EXPECT_EQ(client.hear_answer(head), "hello");
  }
}

TEST(Worker, SaysWhoAskedAndDropsWhatTheClientClaims) {
  std::string got;
  Instance app(saying("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", &got));
  TestWorker router;
  router.put("a.test", {app.address()});
  Talk client = router.talk();
  client.say(
      "GET /x?y HTTP/1.1\r\nHost: a.test:8080\r\nX-Forwarded-For: 1.2.3.4\r\n"
      "x_forwarded_proto: https\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nX-Kept: 2\r\n\r\n");
  EXPECT_EQ(status_of(client.hear_head()), 200);
  EXPECT_TRUE(got.starts_with("GET /x?y HTTP/1.1\r\nHost: a.test:8080\r\n")) << got;
  EXPECT_EQ(field(got, "X-Forwarded-For"), "127.0.0.1");
  EXPECT_EQ(field(got, "X-Forwarded-Proto"), "http");
  EXPECT_EQ(field(got, "X-Forwarded-Host"), "a.test:8080");
  EXPECT_EQ(field(got, "x_forwarded_proto"), "");
  EXPECT_EQ(field(got, "X-Hop"), "");
  EXPECT_EQ(field(got, "X-Kept"), "2");
  EXPECT_EQ(field(got, "Connection"), "");
  EXPECT_EQ(field(got, "X-Request-Id"), field(got, "X-Vcap-Request-Id"));
}

TEST(Worker, AnswersUnknownHostsItselfAndKeepsTheConnection) {
  TestWorker router;
  Talk client = router.talk();
  std::string head;
  client.say(get("nobody.test"));
  EXPECT_NE(client.hear_answer(head).find("No app is served under 'nobody.test'"),
            std::string::npos);
  EXPECT_EQ(status_of(head), 404);
  EXPECT_EQ(field(head, "X-Nuri-Error"), "unknown_route");
  client.say("GET / HTTP/1.1\r\nHost: nobody.test\r\nAccept: application/json\r\n\r\n");
  EXPECT_TRUE(client.hear_answer(head).starts_with("{\"error\":\"unknown_route\","));
  EXPECT_EQ(field(head, "Content-Type"), "application/json");
}

TEST(Worker, AnswersForAppsWithoutInstances) {
  TestWorker router;
  router.put("a.test", {});
  Talk client = router.talk();
  std::string head;
  client.say(get("a.test"));
  client.hear_answer(head);
  EXPECT_EQ(status_of(head), 503);
  EXPECT_EQ(field(head, "Retry-After"), "2");
}

TEST(Worker, RefusesMalformedRequestsAndCloses) {
  TestWorker router;
  Talk client = router.talk();
  client.say("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" + std::string(100'000, 'x'));
  const std::string head = client.hear_head();
  EXPECT_EQ(status_of(head), 400);
  EXPECT_EQ(field(head, "Connection"), "close");
}

TEST(Worker, HeadAndBareAnswersHaveNoContent) {
  Instance app([](Talk& talk) {
    for (std::string head; !(head = talk.hear_head()).empty();) {
      if (head.starts_with("HEAD")) talk.say("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
      if (head.starts_with("GET /204")) talk.say("HTTP/1.1 204 No Content\r\n\r\n");
      if (head.starts_with("GET /304"))
        talk.say("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n");
    }
  });
  TestWorker router;
  router.put("a.test", {app.address()});
  Talk client = router.talk();
  client.say("HEAD / HTTP/1.1\r\nHost: a.test\r\n\r\n");
  EXPECT_EQ(field(client.hear_head(), "Content-Length"), "1000");
  client.say(get("a.test", "/204"));
  EXPECT_EQ(status_of(client.hear_head()), 204);
  client.say(get("a.test", "/304"));
  EXPECT_EQ(status_of(client.hear_head()), 304);
  client.say("HEAD /none HTTP/1.1\r\nHost: none.test\r\n\r\n");
  EXPECT_EQ(status_of(client.hear_head()), 404);
  client.say(get("a.test", "/204"));
  EXPECT_EQ(status_of(client.hear_head()), 204);
}

TEST(Worker, Http10ClientsGetUnframedContentAndTheEnd) {
  Instance app([](Talk& talk) {
    talk.hear_head();
    talk.say(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n");
    talk.hear_all();
  });
  TestWorker router;
  router.put("a.test", {app.address()});
  Talk client = router.talk();
  client.say("GET / HTTP/1.0\r\nHost: a.test\r\n\r\n");
  const std::string head = client.hear_head();
  EXPECT_EQ(field(head, "Transfer-Encoding"), "");
  EXPECT_EQ(field(head, "Connection"), "close");
  EXPECT_EQ(client.hear_all(), "abcdef");
}

TEST(Worker, Http10ClientsThatAskForItKeepTheirConnection) {
  Instance app(answering("hello"));
  TestWorker router;
  router.put("a.test", {app.address()});
  Talk client = router.talk();
  for (int n = 0; n < 2; ++n) {
    client.say("GET / HTTP/1.0\r\nHost: a.test\r\nConnection: keep-alive\r\n\r\n");
    std::string head;
    EXPECT_EQ(client.hear_answer(head), "hello");
    EXPECT_EQ(field(head, "Connection"), "keep-alive");
  }
}

TEST(Worker, AnswersWithoutLengthLastUntilTheInstanceCloses) {
  Instance app([](Talk& talk) {
    talk.hear_head();
    talk.say("HTTP/1.0 200 OK\r\n\r\npart one, ");
    talk.say("part two");
    talk.finish();
    talk.hear_all();
  });
  TestWorker router;
  router.put("a.test", {app.address()});
  Talk client = router.talk();
  client.say(get("a.test"));
  EXPECT_EQ(field(client.hear_head(), "Connection"), "close");
  EXPECT_EQ(client.hear_all(), "part one, part two");
}

TEST(Worker, PassesInterimAnswersAndExpectations) {
  Instance app([](Talk& talk) {
    const std::string head = talk.hear_head();
    EXPECT_EQ(field(head, "Expect"), "100-continue");
    talk.say("HTTP/1.1 100 Continue\r\n\r\n");
    EXPECT_EQ(talk.hear(5), "hello");
    talk.say("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n");
    talk.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    talk.hear_all();
  });
  TestWorker router;
  router.put("a.test", {app.address()});
  Talk client = router.talk();
  client.say(
      "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(status_of(client.hear_head()), 100);
  client.say("hello");
  const std::string hints = client.hear_head();
  EXPECT_EQ(status_of(hints), 103);
  EXPECT_EQ(field(hints, "Link"), "</x>");
  std::string head;
  EXPECT_EQ(client.hear_answer(head), "ok");
}

TEST(Worker, AnEarlyAnswerEndsTheConnectionWithoutLosingIt) {
  Instance app([](Talk& talk) {
    talk.hear_head();
    talk.say("HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig");
    talk.hear_all();
  });
  TestWorker router;
  router.put("a.test", {app.address()});
  Talk client = router.talk();
  client.say("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1000000\r\n\r\n" +
             std::string(50'000, 'x'));
  std::string head;
  EXPECT_EQ(client.hear_answer(head), "big");
  EXPECT_EQ(status_of(head), 413);
  EXPECT_EQ(field(head, "Connection"), "close");
  client.say(std::string(100'000, 'x'));
  EXPECT_TRUE(client.ended());
  EXPECT_FALSE(client.was_reset());
}

TEST(Worker, TunnelsUpgradedConnectionsBothWays) {
  Instance app([](Talk& talk) {
    const std::string head = talk.hear_head();
    EXPECT_EQ(field(head, "Upgrade"), "websocket");
    EXPECT_EQ(field(head, "Connection"), "Upgrade");
    talk.say(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\nhi");
    for (std::string bytes; !(bytes = talk.hear(4)).empty();) talk.say(bytes);
  });
  TestWorker router;
  router.put("a.test", {app.address()});
  Talk client = router.talk();
  client.say(
      "GET /ws HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nping");
  const std::string head = client.hear_head();
  EXPECT_EQ(status_of(head), 101);
  EXPECT_EQ(field(head, "Upgrade"), "websocket");
  EXPECT_EQ(client.hear(6), "hiping");
  client.say("pong");
  EXPECT_EQ(client.hear(4), "pong");
  client.finish();
  EXPECT_TRUE(client.ended());
}

TEST(Worker, Http2ByUpgradeIsNotPassedOn) {
  std::string got;
  Instance app(saying("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", &got));
  TestWorker router;
  router.put("a.test", {app.address()});
  Talk client = router.talk();
  client.say(
      "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
      "HTTP2-Settings: AAMAAABk\r\n\r\n");
  EXPECT_EQ(status_of(client.hear_head()), 200);
  EXPECT_EQ(field(got, "Upgrade"), "");
  EXPECT_EQ(field(got, "HTTP2-Settings"), "");
}

}  // namespace
}  // namespace nuri::router

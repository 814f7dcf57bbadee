#include <fmt/format.h>

#include <atomic>

#include "router/test_worker.h"

// Instances that behave badly, and clients that leave.

namespace nuri::router {
namespace {

// Ends each connection after the request's head, counting them.
Instance::Behave slamming(std::atomic<int>& heads) {
  return [&heads](Talk& talk) {
    if (talk.hear_head().empty()) return;
    ++heads;
  };
}

std::string post(std::string_view host, std::string_view content) {
  return fmt::format("POST / HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n\r\n{}", host,
                     content.size(), content);
}

TEST(WorkerFailure, ARequestThatNobodyReadGoesToAnotherInstanceWhateverItsMethod) {
  Instance dead(answering("never"));
  dead.stop_listening();
  Instance alive(answering("alive"));
  TestWorker router;
  router.put("a.test", {dead.address(), alive.address()});
  Talk client = router.talk();
  for (int n = 0; n < 10; ++n) {
    client.say(post("a.test", "content"));
    std::string head;
    EXPECT_EQ(client.hear_answer(head), "alive");
  }
}

TEST(WorkerFailure, AGetIsTriedOnOtherInstancesUntilAByteOfTheAnswerCame) {
  std::atomic<int> heads = 0;
  Instance bad(slamming(heads));
  Instance good(answering("good"));
  TestWorker router;
  router.put("a.test", {bad.address(), good.address()});
  for (int n = 0; n < 4; ++n) {
    Talk client = router.talk();
    client.say(get("a.test"));
    std::string head;
    EXPECT_EQ(client.hear_answer(head), "good");
  }
  EXPECT_GE(heads, 1);
}

TEST(WorkerFailure, AGetIsTriedOnThreeInstancesAtMost) {
  std::atomic<int> heads = 0;
  Instance a(slamming(heads)), b(slamming(heads)), c(slamming(heads)), d(slamming(heads));
  TestWorker router;
  router.put("a.test", {a.address(), b.address(), c.address(), d.address()});
  Talk client = router.talk();
  client.say(get("a.test"));
  std::string head;
  client.hear_answer(head);
  EXPECT_EQ(status_of(head), 502);
  EXPECT_EQ(field(head, "X-Nuri-Error"), "no_answer");
  EXPECT_EQ(heads, 3);
}

TEST(WorkerFailure, APostThatAnInstanceReadIsNotRepeated) {
  std::atomic<int> heads = 0;
  Instance a(slamming(heads)), b(slamming(heads));
  TestWorker router;
  router.put("a.test", {a.address(), b.address()});
  Talk client = router.talk();
  client.say(post("a.test", "pay"));
  std::string head;
  client.hear_answer(head);
  EXPECT_EQ(status_of(head), 502);
  EXPECT_EQ(heads, 1);
  // The client's connection goes on.
  client.say(post("a.test", "pay"));
  client.hear_answer(head);
  EXPECT_EQ(heads, 2);
}

TEST(WorkerFailure, AnAnswerThatBeganIsNotRepeated) {
  std::atomic<int> heads = 0;
  const auto half = [&heads](Talk& talk) {
    if (talk.hear_head().empty()) return;
    ++heads;
    talk.say("HTTP/1.1 20");
  };
  Instance a(half), b(half);
  TestWorker router;
  router.put("a.test", {a.address(), b.address()});
  Talk client = router.talk();
  client.say(get("a.test"));
  EXPECT_EQ(status_of(client.hear_head()), 502);
  EXPECT_EQ(heads, 1);
}

TEST(WorkerFailure, GarbageInTheFirstPieceOfContentIsABadGateway) {
  const std::string chunked =
      "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const std::string settings : {"", R"({"compress": true})"}) {
    Instance app([&](Talk& talk) {
      if (!talk.hear_head().empty()) talk.say(chunked + "nonsense\r\n");
    });
    TestWorker router;
    router.put("a.test", {app.address()}, {}, settings);
    Talk client = router.talk();
    for (int n = 0; n < 2; ++n) {
      client.say("GET / HTTP/1.1\r\nHost: a.test\r\nAccept-Encoding: gzip\r\n\r\n");
      std::string head;
      EXPECT_TRUE(client.hear_answer(head).find("breaks the protocol") != std::string::npos);
      EXPECT_EQ(status_of(head), 502);
      EXPECT_EQ(field(head, "X-Nuri-Error"), "bad_answer");
    }
  }
}

TEST(WorkerFailure, GarbageIsABadGateway) {
  Instance app([](Talk& talk) {
    talk.hear_head();
    talk.say("220 smtp.example.com ESMTP\r\n\r\n");
    talk.hear_all();
  });
  TestWorker router;
  router.put("a.test", {app.address()});
  Talk client = router.talk();
  std::string head;
  client.say(get("a.test"));
  client.hear_answer(head);
  EXPECT_EQ(status_of(head), 502);
  EXPECT_EQ(field(head, "X-Nuri-Error"), "bad_answer");
}

TEST(WorkerFailure, EndlessInterimAnswersAreABadGateway) {
  Instance app([](Talk& talk) {
    talk.hear_head();
    while (talk.say("HTTP/1.1 102 Processing\r\n\r\n")) {
    }
  });
  TestWorker router;
  router.put("a.test", {app.address()});
  Talk client = router.talk();
  client.say(get("a.test"));
  std::string head;
  do {
    head = client.hear_head();
  } while (status_of(head) == 102);
  EXPECT_EQ(status_of(head), 502);
}

TEST(WorkerFailure, AnAnswerCutShortIsSeenAsSuch) {
  Instance app([](Talk& talk) {
    const std::string head = talk.hear_head();
    if (head.starts_with("GET /length"))
      talk.say("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    if (head.starts_with("GET /open")) {
      talk.say("HTTP/1.1 200 OK\r\n\r\nhalf");
      talk.hear(1);  // until the client has got that
      talk.reset();
    }
  });
  TestWorker router;
  router.put("a.test", {app.address()});
  Talk client = router.talk();
  client.say(get("a.test", "/length"));
  EXPECT_EQ(status_of(client.hear_head()), 200);
  EXPECT_EQ(client.hear(10), "half");
  Talk other = router.talk();
  other.say("GET /open HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1\r\n\r\n");
  EXPECT_EQ(status_of(other.hear_head()), 200);
  EXPECT_EQ(other.hear(4), "half");
  other.say("x");
  EXPECT_TRUE(other.ended());
  EXPECT_TRUE(other.was_reset());
}

TEST(WorkerFailure, AKeptConnectionThatTheAppClosedCostsNothing) {
  // Says that it keeps the connection and closes it.
  Instance app([](Talk& talk) {
    if (!talk.hear_head().empty()) talk.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  });
  TestWorker router;
  router.put("a.test", {app.address()});
  Talk client = router.talk();
  for (int n = 0; n < 50; ++n) {
    client.say(get("a.test"));
    std::string head;
    EXPECT_EQ(client.hear_answer(head), "ok") << head;
  }
}

TEST(WorkerFailure, ASlowInstanceIsGivenUpInTime) {
  Instance app([](Talk& talk) { talk.hear_all(); });
  TestWorker router({.answer = 50ms});
  router.put("a.test", {app.address()});
  Talk client = router.talk();
  std::string head;
  client.say(get("a.test"));
  client.hear_answer(head);
  EXPECT_EQ(status_of(head), 504);
  EXPECT_EQ(field(head, "X-Nuri-Error"), "answer_timeout");
}

TEST(WorkerFailure, ASlowClientIsGivenUpInTime) {
  Instance app(answering("hello"));
  TestWorker router({.idle = 50ms, .head = 50ms, .body_idle = 50ms});
  router.put("a.test", {app.address()});
  Talk idle = router.talk();
  EXPECT_TRUE(idle.ended());
  Talk slow = router.talk();
  slow.say("GET / HT");
  EXPECT_EQ(status_of(slow.hear_head()), 408);
  Talk stuck = router.talk();
  stuck.say("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100\r\n\r\nhalf");
  EXPECT_EQ(status_of(stuck.hear_head()), 408);
}

TEST(WorkerFailure, AClientThatLeavesFreesTheInstance) {
  std::atomic<int> working = 0, freed = 0;
  Instance app([&](Talk& talk) {
    if (talk.hear_head().empty()) return;
    ++working;
    if (talk.ended()) ++freed;
  });
  TestWorker router;
  router.put("a.test", {app.address()});
  Talk client = router.talk();
  client.say(get("a.test"));
  ASSERT_TRUE(eventually([&] { return working == 1; }));
  client.close();
  EXPECT_TRUE(eventually([&] { return freed == 1; }));
  // Also with another request in its way, and in the middle of an upload.
  Talk pipelining = router.talk();
  pipelining.say(get("a.test") + get("a.test"));
  ASSERT_TRUE(eventually([&] { return working == 2; }));
  pipelining.close();
  EXPECT_TRUE(eventually([&] { return freed == 2; }));
  Talk uploading = router.talk();
  uploading.say("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100\r\n\r\n");
  ASSERT_TRUE(eventually([&] { return working == 3; }));
  uploading.reset();
  EXPECT_TRUE(eventually([&] { return freed == 3; }));
}

TEST(WorkerFailure, ClientsThatLeaveAreNoFaultOfTheInstance) {
  std::atomic<int> working = 0;
  Instance app([&](Talk& talk) {
    const std::string head = talk.hear_head();
    if (head.starts_with("POST")) {
      ++working;
      talk.hear_all();
    } else if (!head.empty()) {
      talk.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
    }
  });
  Instance other(answering("other"));
  TestWorker router;
  router.put("a.test", {app.address()});
  for (int n = 1; n <= 10; ++n) {
    Talk client = router.talk();
    client.say("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100\r\n\r\n");
    ASSERT_TRUE(eventually([&] { return working == n; }));
  }
  // If it were left alone now, only the other one would answer.
  router.put("b.test", {});
  model::RouteEntry both;
  both.host = "a.test";
  both.upstreams = {{.id = "a.test/0", .address = app.address()},
                    {.id = "other", .address = other.address()}};
  router.apply({{both}, {}});
  int answered_by_it = 0;
  for (int n = 0; n < 4; ++n) {
    Talk client = router.talk();
    client.say(get("a.test"));
    std::string head;
    answered_by_it += client.hear_answer(head) == "ok";
  }
  EXPECT_EQ(answered_by_it, 2);
}

TEST(WorkerFailure, AnInstanceThatKeepsFailingIsLeftAloneForAWhile) {
  std::atomic<int> heads = 0;
  Instance bad(slamming(heads));
  Instance good(answering("good"));
  TestWorker router;
  router.put("a.test", {bad.address(), good.address()});
  for (int n = 0; n < 40; ++n) {
    Talk client = router.talk();
    client.say(get("a.test"));
    std::string head;
    EXPECT_EQ(client.hear_answer(head), "good");
  }
  EXPECT_EQ(heads, 5);
}

}  // namespace
}  // namespace nuri::router

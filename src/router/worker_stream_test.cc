#include <fmt/format.h>

#include <atomic>
#include <chrono>

#include "base/limits.h"
#include "router/test_worker.h"

// Much content, many connections, tables that change, routers that end.

namespace nuri::router {
namespace {

constexpr std::size_t kMuch = 50 * limits::kMiB;

// What sockets on the way may hold; the router itself must hold next to nothing.
constexpr std::size_t kInSockets = 32 * limits::kMiB;

// Waits until `count` has not grown for a while.
std::size_t settled(const std::atomic<std::size_t>& count) {
  std::size_t seen = count;
  const auto grown = [&] { return count != seen; };
  const auto within = [&](std::chrono::milliseconds limit) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (!grown() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    return grown();
  };
  while (within(std::chrono::milliseconds(seen == 0 ? 10'000 : 300))) seen = count;
  return seen;
}

TEST(WorkerStream, ASlowInstanceSlowsTheClientInsteadOfFillingMemory) {
  std::atomic<bool> release = false;
  Instance app([&](Talk& talk) {
    if (talk.hear_head().empty() || !eventually([&] { return release.load(); })) return;
    std::size_t left = kMuch;
    for (std::size_t got = 1; left > 0 && got > 0; left -= got)
      got = talk.hear(std::min<std::size_t>(left, 1 << 20)).size();
    talk.say("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ngot");
    talk.hear_all();
  });
  TestWorker router;
  router.put("a.test", {app.address()});
  Talk client = router.talk();
  std::atomic<std::size_t> sent = 0;
  std::thread sender([&] {
    client.say(fmt::format("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: {}\r\n\r\n", kMuch));
    const std::string piece(64 * limits::kKiB, 'u');
    while (sent < kMuch && client.say(piece)) sent += piece.size();
  });
  EXPECT_LT(settled(sent), kInSockets);
  release = true;
  sender.join();
  EXPECT_EQ(sent, kMuch);
  std::string head;
  EXPECT_EQ(client.hear_answer(head), "got");
}

TEST(WorkerStream, ASlowClientSlowsTheInstanceInsteadOfFillingMemory) {
  std::atomic<std::size_t> sent = 0;
  Instance app([&](Talk& talk) {
    if (talk.hear_head().empty()) return;
    talk.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    const std::string piece = "10000\r\n" + std::string(64 * limits::kKiB, 'd') + "\r\n";
    for (; sent < kMuch; sent += 64 * limits::kKiB)
      if (!talk.say(piece)) return;
    talk.say("0\r\n\r\n");
    talk.hear_all();
  });
  TestWorker router;
  router.put("a.test", {app.address()});
  Talk client = router.talk();
  client.say(get("a.test"));
  EXPECT_LT(settled(sent), kInSockets);
  std::string head;
  EXPECT_EQ(client.hear_answer(head).size(), kMuch);
}

TEST(WorkerStream, ContentFlowsWhileTheRequestStillComes) {
  Instance app([](Talk& talk) {
    talk.hear_head();
    talk.say("HTTP/1.1 200 OK\r\n\r\n");
    for (std::string byte; !(byte = talk.hear(1)).empty() && byte != ".";) talk.say(byte);
  });
  TestWorker router;
  router.put("a.test", {app.address()});
  Talk client = router.talk();
  client.say("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100\r\n\r\n");
  EXPECT_EQ(status_of(client.hear_head()), 200);
  for (char c = 'a'; c <= 'z'; ++c) {
    client.say(std::string(1, c));
    EXPECT_EQ(client.hear(1), std::string(1, c));
  }
  client.say(".");
  EXPECT_TRUE(client.ended());
}

TEST(WorkerStream, ChunkedContentPassesAsItIsWithItsTrailer) {
  const std::string content = "5;ext=1\r\nhello\r\n" +
                              fmt::format("{:x}\r\n{}\r\n", 9000, std::string(9000, 'x')) +
                              "0\r\nX-Sum: 1\r\n\r\n";
  Instance app([&](Talk& talk) {
    talk.hear_head();
    EXPECT_EQ(talk.hear(content.size()), content);
    talk.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + content);
    talk.hear_all();
  });
  TestWorker router;
  router.put("a.test", {app.address()});
  Talk client = router.talk();
  client.say("POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n");
  // Byte by byte at first, then the rest.
  for (std::size_t n = 0; n < 30; ++n) client.say(content.substr(n, 1));
  client.say(content.substr(30));
  EXPECT_EQ(status_of(client.hear_head()), 200);
  EXPECT_EQ(client.hear(content.size()), content);
}

TEST(WorkerStream, MalformedContentIsRefused) {
  Instance app([](Talk& talk) { talk.hear_all(); });
  TestWorker router;
  router.put("a.test", {app.address()});
  Talk client = router.talk();
  client.say("POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n");
  EXPECT_EQ(status_of(client.hear_head()), 400);
}

TEST(WorkerStream, ServesManyConnectionsAtOnce) {
  constexpr int kClients = 512;
  Instance app(answering("hello"));
  TestWorker router;
  router.put("a.test", {app.address()});
  std::vector<Talk> clients;
  for (int n = 0; n < kClients; ++n) clients.push_back(router.talk());
  for (int round = 0; round < 4; ++round) {
    for (auto& client : clients) ASSERT_TRUE(client.say(get("a.test")));
    for (auto& client : clients) {
      std::string head;
      ASSERT_EQ(client.hear_answer(head), "hello") << head;
    }
  }
}

TEST(WorkerStream, TableChangesLoseNoRequest) {
  std::vector<std::unique_ptr<Instance>> apps;
  for (int n = 0; n < 4; ++n) apps.push_back(std::make_unique<Instance>(answering("ok")));
  TestWorker router;
  router.put("a.test", {apps[0]->address()});
  std::atomic<bool> over = false;
  std::atomic<int> answered = 0;
  std::vector<std::thread> clients;
  for (int n = 0; n < 8; ++n)
    clients.emplace_back([&] {
      Talk client = router.talk();
      while (!over) {
        client.say("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\n\r\npay");
        std::string head;
        EXPECT_EQ(client.hear_answer(head), "ok") << head;
        ++answered;
      }
    });
  for (int change = 0; change < 300; ++change) {
    model::RouteEntry entry{.host = "a.test", .path = {}, .app = {}, .upstreams = {}};
    for (int n = 0; n < 2; ++n) {
      const int which = (change + n) % 4;
      entry.upstreams.push_back({.id = std::to_string(which),
                                 .address = apps[static_cast<std::size_t>(which)]->address(),
                                 .weight = 1 + n});
    }
    router.apply({{entry}, {}});
  }
  EXPECT_TRUE(eventually([&] { return answered > 1000; }));
  over = true;
  for (auto& client : clients) client.join();
}

TEST(WorkerStream, ReportsWhenNothingIsInFlightToAnInstance) {
  std::atomic<bool> release = false;
  Instance app([&](Talk& talk) {
    if (talk.hear_head().empty()) return;
    if (!eventually([&] { return release.load(); })) return;
    talk.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    talk.hear_all();
  });
  TestWorker router;
  router.put("a.test", {app.address()});
  Talk client = router.talk();
  client.say(get("a.test"));
  ASSERT_TRUE(eventually([&] { return app.connections() == 1; }));
  router.put("a.test", {});
  std::promise<void> drained;
  router.worker().when_idle("a.test/0", [&] { drained.set_value(); });
  auto future = drained.get_future();
  std::promise<void> unknown;
  router.worker().when_idle("unknown", [&] { unknown.set_value(); });
  ASSERT_EQ(unknown.get_future().wait_for(std::chrono::seconds(20)), std::future_status::ready);
  EXPECT_EQ(future.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  release = true;
  std::string head;
  EXPECT_EQ(client.hear_answer(head), "ok");
  EXPECT_EQ(future.wait_for(std::chrono::seconds(20)), std::future_status::ready);
}

TEST(WorkerStream, AnEndingWorkerFinishesRequestsAndClosesTheRest) {
  std::atomic<bool> release = false;
  std::atomic<int> inside = 0;
  Instance app([&](Talk& talk) {
    for (std::string head; !(head = talk.hear_head()).empty();) {
      ++inside;
      if (head.starts_with("GET /slow") && !eventually([&] { return release.load(); })) return;
      talk.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }
  });
  TestWorker router;
  router.put("a.test", {app.address()});
  Talk idle = router.talk();
  idle.say(get("a.test"));
  std::string head;
  EXPECT_EQ(idle.hear_answer(head), "ok");
  Talk silent = router.talk();  // has not asked anything yet
  Talk busy = router.talk();
  busy.say(get("a.test", "/slow"));
  ASSERT_TRUE(eventually([&] { return inside == 2; }));
  std::thread stop([&] { router.worker().stop(20s); });
  EXPECT_TRUE(idle.ended());
  EXPECT_TRUE(silent.ended());
  // A client that comes now waits in the queue of the socket that others hold too.
  Talk next = router.talk();
  next.say(get("a.test"));
  release = true;
  EXPECT_EQ(busy.hear_answer(head), "ok");
  EXPECT_EQ(field(head, "Connection"), "close");
  EXPECT_TRUE(busy.ended());
  stop.join();
  Worker successor({.index = 1, .loop = loop_kind()});
  successor.listen(router.listener());
  std::string answer;
  EXPECT_EQ(next.hear_answer(answer).find("No app is served"), 15U) << answer;
  EXPECT_EQ(status_of(answer), 404);
}

TEST(WorkerStream, AnEndingWorkerCutsWhatDoesNotEndInTime) {
  std::atomic<int> inside = 0;
  Instance app([&](Talk& talk) {
    if (!talk.hear_head().empty()) ++inside;
    talk.hear_all();
  });
  TestWorker router;
  router.put("a.test", {app.address()});
  Talk client = router.talk();
  client.say(get("a.test"));
  ASSERT_TRUE(eventually([&] { return inside == 1; }));
  router.worker().stop(10ms);
  EXPECT_TRUE(client.ended());
}

}  // namespace
}  // namespace nuri::router

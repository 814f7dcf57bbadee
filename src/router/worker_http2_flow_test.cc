#include <fmt/format.h>
#include <malloc.h>
#if __has_feature(address_sanitizer)
#include <sanitizer/allocator_interface.h>
#endif

#include <atomic>
#include <chrono>
#include <deque>
#include <memory>
#include <vector>

#include "base/limits.h"
#include "router/http2_stream.h"
#include "router/test_http2.h"
#include "router/test_worker.h"

// HTTP/2 streams that end early, wait for windows, and connections that end while streams go on.

namespace nuri::router {
namespace {

// What sockets on the way may hold.
constexpr std::size_t kInSockets = 32 * limits::kMiB;

RouteCounters counters_of(TestWorker& router, std::string_view host) {
  std::promise<Counted> promise;
  router.worker().count([&](Counted counted) { promise.set_value(std::move(counted)); });
  for (const auto& route : promise.get_future().get().routes)
    if (route.host == host) return route.counters;
  return {};
}

// Asks "quick.test" for as long as `count` grows, and for a while after.
void ask_until_settled(Http2Client& client, const std::function<std::size_t()>& count) {
  settled([&] {
    const auto id = client.get("quick.test");
    client.grant(id, 100);
    EXPECT_EQ(client.wait(id).content, "quick");
    return count();
  });
}

TEST(WorkerHttp2Flow, AClientThatResetsAStreamEndsTheInstancesWork) {
  std::atomic<bool> asked = false, left = false;
  Instance app([&](Talk& talk) {
    talk.hear_head();
    asked = true;
    left = talk.ended();
  });
  Instance quick(answering("quick"));
  TestWorker router;
  router.put("a.test", {app.address()});
  router.put("quick.test", {quick.address()});
  Http2Client client(router.talk());
  const auto id = client.get("a.test");
  ASSERT_TRUE(eventually([&] { return asked.load(); }));
  client.reset(id);
  EXPECT_TRUE(eventually([&] { return left.load(); }));
  EXPECT_TRUE(eventually([&] { return counters_of(router, "a.test").answers[3] == 1; }));
  EXPECT_EQ(client.wait(client.get("quick.test")).content, "quick");
}

TEST(WorkerHttp2Flow, AClientThatClosesItsConnectionEndsTheWorkOfAllItsStreams) {
  std::atomic<int> asked = 0, left = 0;
  Instance app([&](Talk& talk) {
    talk.hear_head();
    ++asked;
    talk.hear_all();
    ++left;
  });
  TestWorker router;
  router.put("a.test", {app.address()});
  {
    Http2Client client(router.talk());
    for (int n = 0; n < 5; ++n) client.get("a.test");
    const auto upload = client.post("a.test");
    client.content(upload, "some");
    ASSERT_TRUE(eventually([&] { return asked == 6; }));
  }
  EXPECT_TRUE(eventually([&] { return left == 6; }));
  EXPECT_TRUE(eventually([&] { return counters_of(router, "a.test").in_flight == 0; }));
}

TEST(WorkerHttp2Flow, AnInstanceThatDiesInTheMiddleOfItsAnswerResetsThatStreamOnly) {
  Instance app([&](Talk& talk) {
    const std::string head = talk.hear_head();
    talk.say(head.starts_with("GET /chunks")
                 ? "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
                 : "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello");
  });
  Instance quick(answering("quick"));
  TestWorker router;
  router.put("a.test", {app.address()});
  router.put("quick.test", {quick.address()});
  Http2Client client(router.talk());
  for (const auto path : {"/chunks", "/length"}) {
    const auto id = client.get("a.test", path), other = client.get("quick.test");
    const auto& answer = client.wait(id);
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.content, "hello");
    EXPECT_FALSE(answer.ended);
    EXPECT_EQ(answer.reset, std::optional<std::uint32_t>(NGHTTP2_INTERNAL_ERROR));
    EXPECT_EQ(client.wait(other).content, "quick");
  }
  EXPECT_FALSE(client.goaway());
}

TEST(WorkerHttp2Flow, AClientThatTakesNothingDelaysNobodyAndFillsNoMemory) {
  std::atomic<std::size_t> sent = 0;
  constexpr std::size_t kMuch = 50 * limits::kMiB;
  Instance app([&](Talk& talk) {
    talk.hear_head();
    talk.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    const std::string piece = "10000\r\n" + std::string(64 * limits::kKiB, 'd') + "\r\n";
    for (; sent < kMuch; sent += 64 * limits::kKiB)
      if (!talk.say(piece)) return;
    talk.say("0\r\n\r\n");
  });
  Instance quick(answering("quick"));
  TestWorker router;
  router.put("a.test", {app.address()});
  router.put("quick.test", {quick.address()});
  Http2Client client(router.talk(), Http2Client::Windows::closed);
  const auto id = client.get("a.test");
  ask_until_settled(client, [&] { return sent.load(); });
  EXPECT_GT(sent, 0U);
  EXPECT_LT(sent, kInSockets);
  EXPECT_EQ(client.answer(id).content, "");
  Http2Client other(router.talk());
  EXPECT_EQ(other.wait(other.get("quick.test")).content, "quick");
  client.grant(0, 2 * kMuch);
  client.grant(id, 2 * kMuch);
  EXPECT_EQ(client.wait(id).content.size(), kMuch);
}

TEST(WorkerHttp2Flow, AClientThatTakesNothingLosesTheStreamAtTheDeadline) {
  Instance app(answering("hello"));
  TestWorker router(Deadlines{.body_idle = 100ms});
  router.put("a.test", {app.address()});
  Http2Client client(router.talk(), Http2Client::Windows::closed);
  const auto& answer = client.wait(client.get("a.test"));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.content, "");
  EXPECT_EQ(answer.reset, std::optional<std::uint32_t>(NGHTTP2_CANCEL));
  EXPECT_EQ(client.wait(client.ask("HEAD", "a.test", "/")).status, 200);
}

// In use on the heap; what the sanitizer holds back of freed memory does not count.
std::size_t heap_bytes() {
#if __has_feature(address_sanitizer)
  return __sanitizer_get_current_allocated_bytes();
#else
  const auto all = ::mallinfo2();
  return all.uordblks + all.hblkhd;
#endif
}

TEST(WorkerHttp2Flow, AClientThatIsAlwaysBehindFillsNoMemory) {
  constexpr std::size_t kMuch = 300 * limits::kMiB;
  Instance app([&](Talk& talk) {
    talk.hear_head();
    talk.say(fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", kMuch));
    const std::string piece(limits::kMiB, 'd');
    for (std::size_t n = 0; n < kMuch; n += piece.size()) talk.say(piece);
  });
  TestWorker router;
  router.put("a.test", {app.address()});
  Http2Client client(router.talk(), Http2Client::Windows::closed);
  const auto id = client.get("a.test");
  client.grant(0, 2 * kMuch);
  const std::size_t before = heap_bytes();
  std::size_t got = 0;
  // Never all that waits.
  for (std::size_t granted = 0; granted < kMuch; granted += 64 * limits::kKiB) {
    client.grant(id, 64 * limits::kKiB);
    while (got < granted + 64 * limits::kKiB) {
      ASSERT_TRUE(client.until([&] { return !client.answer(id).content.empty(); }));
      got += client.take_content(id).size();
    }
  }
  EXPECT_EQ(got, kMuch);
  EXPECT_LT(heap_bytes(), before + 100 * limits::kMiB);
}

TEST(WorkerHttp2Flow, AnInstanceThatDoesNotReadStopsTheClientAtTheWindow) {
  constexpr std::size_t kMuch = 50 * limits::kMiB;
  std::atomic<bool> release = false;
  Instance app([&](Talk& talk) {
    talk.hear_head();
    if (!eventually([&] { return release.load(); })) return;
    std::size_t left = kMuch;
    for (std::size_t got = 1; left > 0 && got > 0; left -= got)
      got = talk.hear(std::min<std::size_t>(left, 1 << 20)).size();
    talk.say("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ngot");
  });
  Instance quick(answering("quick"));
  TestWorker router;
  router.put("a.test", {app.address()});
  router.put("quick.test", {quick.address()});
  Http2Client client(router.talk());
  const auto id = client.post("a.test", "/", {{"content-length", fmt::to_string(kMuch)}});
  client.content(id, std::string(kMuch, 'u'));
  client.finish(id);
  ask_until_settled(client, [&] { return client.sent(id); });
  EXPECT_LT(client.sent(id), kInSockets);
  release = true;
  EXPECT_EQ(client.wait(id).content, "got");
  EXPECT_EQ(client.sent(id), kMuch);
}

// A worker's budget for what slow peers have not taken; beyond it each may add a little.
constexpr std::size_t kHeld = 2 * limits::kMiB;

TEST(WorkerHttp2Flow, ContentOfManyRequestsInLineIsHeldInSmallPiecesAndFlowsInTheEnd) {
  static constexpr std::size_t kBytes = 400'000, kStreams = 60;
  static constexpr std::size_t kFirstWindow = Http2Stream::kFirstWindow;
  std::atomic<bool> first = true, go = false;
  Instance app([&](Talk& talk) {
    for (std::string head; !(head = talk.hear_head()).empty();) {
      if (first.exchange(false)) eventually([&] { return go.load(); });
      talk.hear(std::stoul(field(head, "Content-Length")));
      talk.say("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ngot");
    }
  });
  Instance quick(answering("quick"));
  TestWorker router;
  router.put("a.test", {app.address()}, {},
             R"({"max_outstanding": {"route": 1}, "queue": {"length": 100, "wait": "20s"}})");
  router.put("quick.test", {quick.address()});
  std::deque<Http2Client> clients;
  std::vector<std::pair<Http2Client*, std::int32_t>> uploads;
  for (std::size_t n = 0; n < kStreams; ++n) {
    if (n % 2 == 0) clients.emplace_back(router.talk());
    auto& client = clients.back();
    // The router's windows are known once it has answered.
    EXPECT_EQ(client.wait(client.get("quick.test")).content, "quick");
    const auto id = client.post("a.test", "/", {{"content-length", fmt::to_string(kBytes)}});
    client.content(id, std::string(kBytes, 'u'));
    client.finish(id);
    uploads.emplace_back(&client, id);
    EXPECT_EQ(client.wait(client.get("quick.test")).content, "quick");
  }
  const auto held = settled_held(router);
  EXPECT_GT(held, kStreams * kFirstWindow);
  EXPECT_LT(held, 3 * limits::kMiB / 2 + kStreams * (kFirstWindow + limits::kKiB));
  go = true;
  for (const auto& [client, id] : uploads) EXPECT_EQ(client->wait(id).content, "got");
  EXPECT_TRUE(eventually([&] { return count(router).held_bytes == 0; }));
}

TEST(WorkerHttp2Flow, AnswersThatManyClientsDoNotReadAreHeldInSmallPieces) {
  constexpr std::size_t kClients = 150;
  Instance app([](Talk& talk) {
    talk.hear_head();
    talk.say("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + std::string(1'000'000, 'd'));
  });
  TestWorker router;
  router.put("a.test", {app.address()});
  {
    std::vector<std::unique_ptr<Http2Client>> clients;
    for (std::size_t n = 0; n < kClients; ++n)
      clients
          .emplace_back(std::make_unique<Http2Client>(router.talk(), Http2Client::Windows::closed))
          ->get("a.test");
    const auto held = settled_held(router);
    EXPECT_GT(held, kHeld);
    EXPECT_LT(held, kHeld + kClients * 12 * limits::kKiB);
  }
  EXPECT_TRUE(eventually([&] { return count(router).held_bytes == 0; }));
}

// `uploads`: how streams with content that nobody reads end. Later ones must flow all the same.
void expect_the_window_back(TestWorker& router,
                            const std::function<void(Http2Client&, std::int32_t)>& uploads,
                            std::string_view host) {
  constexpr std::size_t kEach = 200 * limits::kKiB, kLarge = 3 * limits::kMiB;
  Instance app([](Talk& talk) {
    talk.hear_head();
    const std::string content = talk.hear(kLarge);
    talk.say(fmt::format("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n{}", content.size()));
  });
  router.put("large.test", {app.address()});
  Http2Client client(router.talk());
  // The router's windows are known once it has answered.
  client.wait(client.get("nobody.test"));
  for (int n = 0; n < 50; ++n) {
    const auto id = client.post(host);
    client.content(id, std::string(kEach, 'u'));
    uploads(client, id);
  }
  const auto id = client.post("large.test", "/", {{"content-length", fmt::to_string(kLarge)}});
  client.content(id, std::string(kLarge, 'u'));
  client.finish(id);
  EXPECT_EQ(client.wait(id).content, fmt::to_string(kLarge));
}

TEST(WorkerHttp2Flow, ContentOfResetStreamsThatNobodyReadGivesItsWindowBack) {
  // Its queue is full, so connecting to it takes for ever and no content is read.
  std::uint16_t port = 0;
  const Fd deaf = listen_here(port, 0);
  Talk one = Talk::to(port);
  TestWorker router;
  router.put("deaf.test", {fmt::format("127.0.0.1:{}", port)});
  expect_the_window_back(
      router,
      [](Http2Client& client, std::int32_t id) {
        ASSERT_TRUE(client.until([&] { return client.sent(id) == 200 * limits::kKiB; }));
        client.reset(id);
      },
      "deaf.test");
}

TEST(WorkerHttp2Flow, ContentOfRequestsThatAreRefusedGivesItsWindowBack) {
  TestWorker router;
  expect_the_window_back(
      router, [](Http2Client& client, std::int32_t id) { EXPECT_EQ(client.wait(id).status, 404); },
      "nobody.test");
}

TEST(WorkerHttp2Flow, DrainingLetsRequestsUnderWayFinishAndEndsTheConnection) {
  std::atomic<bool> asked = false, release = false;
  Instance app([&](Talk& talk) {
    talk.hear_head();
    asked = true;
    eventually([&] { return release.load(); });
    talk.say("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone");
  });
  TestWorker router;
  router.put("a.test", {app.address()});
  Http2Client client(router.talk());
  const auto id = client.get("a.test");
  ASSERT_TRUE(eventually([&] { return asked.load(); }));
  std::thread stop([&] { router.worker().stop(20s); });
  EXPECT_TRUE(client.until([&] { return client.goaway(); }));
  EXPECT_EQ(client.goaway_code(), std::optional<std::uint32_t>(NGHTTP2_NO_ERROR));
  release = true;
  EXPECT_EQ(client.wait(id).content, "done");
  EXPECT_TRUE(client.ended());
  stop.join();
}

TEST(WorkerHttp2Flow, DrainingEndsAConnectionWithoutRequests) {
  TestWorker router;
  Http2Client client(router.talk());
  EXPECT_EQ(client.wait(client.get("nobody.test")).status, 404);
  std::thread stop([&] { router.worker().stop(20s); });
  EXPECT_TRUE(client.ended());
  EXPECT_TRUE(client.goaway());
  stop.join();
}

TEST(WorkerHttp2Flow, AClientThatGoesOnSendingIsToldTheLastRequestAllTheSame) {
  std::atomic<bool> release = false, asked = false;
  Instance app([&](Talk& talk) {
    talk.hear_head();
    asked = true;
    eventually([&] { return release.load(); });
    talk.say("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone");
  });
  TestWorker router;
  router.put("a.test", {app.address()});
  RawHttp2 client(router.talk());
  client.say(NGHTTP2_HEADERS, 5, 1, RawHttp2::get_block("a.test"));
  ASSERT_TRUE(eventually([&] { return asked.load(); }));
  std::thread stop([&] { router.worker().stop(20s); });
  int goaways = 0;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (goaways < 2 && std::chrono::steady_clock::now() < deadline) {
    client.say(NGHTTP2_PING, 0, 0, "12345678");
    const auto frame = client.hear({NGHTTP2_PING, NGHTTP2_GOAWAY});
    if (frame.type == NGHTTP2_GOAWAY) ++goaways;
  }
  EXPECT_EQ(goaways, 2);
  release = true;
  EXPECT_EQ(client.hear({NGHTTP2_DATA}).payload, "done");
  EXPECT_EQ(client.hear({NGHTTP2_DATA}).type, 255);
  stop.join();
}

}  // namespace
}  // namespace nuri::router

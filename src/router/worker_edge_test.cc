#include <crypt.h>
#include <fmt/format.h>
#include <zlib.h>

#include <atomic>
#include <set>

#include "base/encoding.h"
#include "router/test_worker.h"

// What a route's settings do, over real sockets.

namespace nuri::router {
namespace {

std::string ask(const TestWorker& router, std::string_view request, std::string& head) {
  Talk client = router.talk();
  client.say(request);
  return client.hear_answer(head);
}

std::string with(std::string_view fields, std::string_view path = "/") {
  return fmt::format("GET {} HTTP/1.1\r\nHost: a.test\r\n{}\r\n", path, fields);
}

TEST(WorkerEdge, HttpsIsWhereTheRouterServesIt) {
  TestWorker router(WorkerOptions{.https_port = 8443});
  router.put("a.test", {}, {}, R"({"https_redirect": true})");
  std::string head;
  ask(router, with(""), head);
  EXPECT_EQ(field(head, "Location"), "https://a.test:8443/");
}

TEST(WorkerEdge, RedirectsKeepTheConnectionAndAskNoInstance) {
  Instance app(answering("hello"));
  TestWorker router;
  router.put("a.test", {app.address()}, {}, R"({"https_redirect": true,
      "response_headers": {"set": {"X-Own": "1"}}})");
  Talk client = router.talk();
  for (int n = 0; n < 2; ++n) {
    client.say(get("a.test", "/p?q"));
    std::string head;
    client.hear_answer(head);
    EXPECT_EQ(status_of(head), 308);
    EXPECT_EQ(field(head, "Location"), "https://a.test/p?q");
    EXPECT_EQ(field(head, "X-Nuri-Error"), "");
    EXPECT_EQ(field(head, "X-Own"), "1");
  }
  EXPECT_EQ(app.connections(), 0U);
}

TEST(WorkerEdge, MaintenanceShowsItsPageAndEndsWithoutARestart) {
  Instance app(answering("hello"));
  TestWorker router;
  router.put("a.test", {app.address()}, {},
             R"({"maintenance": {"html": "<h1>soon", "retry_after": 77}})");
  std::string head;
  EXPECT_EQ(ask(router, get("a.test"), head), "<h1>soon");
  EXPECT_EQ(status_of(head), 503);
  EXPECT_EQ(field(head, "X-Nuri-Error"), "maintenance");
  EXPECT_EQ(field(head, "Retry-After"), "77");
  EXPECT_EQ(field(head, "Content-Type"), "text/html; charset=utf-8");
  router.put("a.test", {app.address()}, {}, R"({"maintenance": {"bypass": ["127.0.0.1"]}})");
  EXPECT_EQ(ask(router, get("a.test"), head), "hello");
  router.put("a.test", {app.address()});
  EXPECT_EQ(ask(router, get("a.test"), head), "hello");
}

TEST(WorkerEdge, PasswordsAreAskedForAndTheRightOneIsLetIn) {
  Instance app(answering("hello"));
  TestWorker router;
  const std::string hash = ::crypt("secret", "$6$rounds=1000$salt");
  router.put(
      "a.test", {app.address()}, {},
      fmt::format(R"({{"basic_auth": {{"realm": "shop", "users": {{"alice": "{}"}}}}}})", hash));
  std::string head;
  ask(router, get("a.test"), head);
  EXPECT_EQ(status_of(head), 401);
  EXPECT_EQ(field(head, "WWW-Authenticate"), "Basic realm=\"shop\", charset=\"UTF-8\"");
  const auto authorized = [&](std::string_view who) {
    return ask(router, with("Authorization: Basic " + base64(who) + "\r\n"), head);
  };
  for (int n = 0; n < 3; ++n) EXPECT_EQ(authorized("alice:secret"), "hello");
  authorized("alice:wrong");
  EXPECT_EQ(status_of(head), 401);
  authorized("bob:secret");
  EXPECT_EQ(status_of(head), 401);
  EXPECT_EQ(authorized("alice:secret"), "hello");
}

TEST(WorkerEdge, ErrorsOfTheRouterHaveTheRoutesPage) {
  TestWorker router;
  router.put("a.test", {}, {}, R"({"error_pages": {"5xx": "<h1>sorry"}})");
  std::string head;
  EXPECT_EQ(ask(router, get("a.test"), head), "<h1>sorry");
  EXPECT_EQ(status_of(head), 503);
  EXPECT_EQ(field(head, "X-Nuri-Error"), "no_instances");
  EXPECT_TRUE(ask(router, with("Accept: application/json\r\n"), head).starts_with("{\"error\":"));
}

TEST(WorkerEdge, ContentOverTheLimitIsRefusedEarlyAndOnTheWay) {
  // An answer before the end of the content would be the client's.
  Instance app([](Talk& talk) {
    if (field(talk.hear_head(), "Content-Length").empty()) return (void)talk.hear_all();
    talk.hear(16384);
    talk.say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
  });
  TestWorker router;
  router.put("a.test", {app.address()}, {}, R"({"body_limit": "16K"})");
  std::string head;
  ask(router, "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 16385\r\n\r\n", head);
  EXPECT_EQ(status_of(head), 413);
  EXPECT_EQ(field(head, "X-Nuri-Error"), "body_too_large");
  std::string chunked = "POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int n = 0; n < 3; ++n) chunked += "2000\r\n" + std::string(8192, 'x') + "\r\n";
  ask(router, chunked, head);
  EXPECT_EQ(status_of(head), 413);
  EXPECT_EQ(field(head, "Connection"), "close");
  EXPECT_EQ(ask(router,
                "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 16384\r\n\r\n" +
                    std::string(16384, 'x'),
                head),
            "hello");
}

TEST(WorkerEdge, AnswersHeadersAreSetAndRemoved) {
  Instance app([](Talk& talk) {
    while (!talk.hear_head().empty())
      talk.say(
          "HTTP/1.1 200 OK\r\nServer: secret/1\r\nX-Frame-Options: ALLOW\r\nX-Kept: 1\r\n"
          "Content-Length: 2\r\n\r\nok");
  });
  TestWorker router;
  router.put("a.test", {app.address()}, {},
             R"({"response_headers": {"set": {"x-frame-options": "DENY"}, "remove": ["server"]}})");
  std::string head;
  EXPECT_EQ(ask(router, get("a.test"), head), "ok");
  EXPECT_EQ(field(head, "Server"), "");
  EXPECT_EQ(field(head, "X-Kept"), "1");
  EXPECT_EQ(field(head, "X-Frame-Options"), "DENY");
  EXPECT_EQ(head.find("ALLOW"), head.npos);
}

// Longer than what stands before content that goes from socket to socket.
TEST(WorkerEdge, ALongHeadReachesTheClientWholeBeforeLargeContent) {
  const std::string large(300'000, 'l'), value(4000, 'v');
  Instance app(answering(large));
  TestWorker router;
  std::string fields;
  for (int n = 0; n < 15; ++n)
    fields += fmt::format(R"({}"X-Long-{}": "{}{}")", n ? ", " : "", n, value, n);
  router.put("a.test", {app.address()}, {},
             fmt::format(R"({{"response_headers": {{"set": {{{}}}}}}})", fields));
  std::string head;
  EXPECT_TRUE(ask(router, get("a.test"), head) == large);
  for (int n = 0; n < 15; ++n)
    EXPECT_TRUE(field(head, fmt::format("X-Long-{}", n)) == value + std::to_string(n)) << n;
}

TEST(WorkerEdge, ACookieOfTheRoutesChoiceIsSticky) {
  const auto naming = [](std::string name) {
    return [name = std::move(name)](Talk& talk) {
      while (!talk.hear_head().empty())
        talk.say(fmt::format(
            "HTTP/1.1 200 OK\r\nSet-Cookie: PHPSESSID=1\r\nContent-Length: {}\r\n\r\n{}",
            name.size(), name));
    };
  };
  Instance one(naming("one")), two(naming("two"));
  TestWorker router;
  router.put("a.test", {one.address(), two.address()}, {}, R"({"session_cookies": ["PHPSESSID"]})");
  std::string head;
  const std::string first = ask(router, get("a.test"), head);
  const auto at = head.find("__VCAP_ID__=");
  ASSERT_NE(at, head.npos) << head;
  const std::string id = head.substr(at, head.find(';', at) - at);
  for (int n = 0; n < 5; ++n)
    EXPECT_EQ(ask(router, with("Cookie: PHPSESSID=1; " + id + "\r\n"), head), first);
}

TEST(WorkerEdge, EqualValuesOfTheHashHeaderGoToTheSameInstance) {
  std::vector<std::unique_ptr<Instance>> apps;
  std::vector<std::string> addresses;
  for (int n = 0; n < 4; ++n) {
    apps.push_back(std::make_unique<Instance>(answering(std::to_string(n))));
    addresses.push_back(apps.back()->address());
  }
  TestWorker router;
  router.put("a.test", addresses, {}, R"({"loadbalancing": "hash", "hash_header": "X-Tenant"})");
  std::set<std::string> seen;
  std::string head;
  for (int tenant = 0; tenant < 20; ++tenant) {
    const std::string request = with(fmt::format("X-Tenant: {}\r\n", tenant));
    const std::string first = ask(router, request, head);
    EXPECT_EQ(ask(router, request, head), first);
    seen.insert(first);
  }
  EXPECT_EQ(seen.size(), 4U);
  std::set<std::string> without;
  for (int n = 0; n < 4; ++n) without.insert(ask(router, get("a.test"), head));
  EXPECT_EQ(without.size(), 4U) << "without the header equals take turns";
}

TEST(WorkerEdge, DeadlinesOfTheRouteAreKeptTo) {
  Instance silent([](Talk& talk) { talk.hear_all(); });
  TestWorker router;
  router.put("a.test", {silent.address()}, {}, R"({"deadlines": {"answer": "50ms"}})");
  router.put("b.test", {silent.address()}, {}, R"({"deadlines": {"request": "50ms"}})");
  std::string head;
  ask(router, get("a.test"), head);
  EXPECT_EQ(field(head, "X-Nuri-Error"), "answer_timeout");
  ask(router, get("b.test"), head);
  EXPECT_EQ(status_of(head), 504);
  EXPECT_EQ(field(head, "X-Nuri-Error"), "request_timeout");
}

TEST(WorkerEdge, TheWholeRequestsDeadlineHoldsWhileItWaitsAndWhileItIsConnecting) {
  TestWorker router(WorkerOptions{.ask_wake = [](const std::string&) {}});
  std::uint16_t port = 0;
  const Fd full = listen_here(port, 0);
  const Talk queued = Talk::to(port);  // the one that has room; the kernel drops what follows
  const std::string_view settings = R"({"deadlines": {"request": "50ms"}})";
  router.put("a.test", {"127.0.0.1:" + std::to_string(port)}, {}, settings);
  model::RouteEntry asleep;
  asleep.host = "b.test";
  asleep.app = "app";
  asleep.wakes = true;
  asleep.settings = std::make_shared<const model::RouteSettings>(
      model::parse_route_settings(json::parse_object(settings), model::UnknownKeys::refused));
  router.apply({{std::move(asleep)}, {}});
  for (const char* host : {"a.test", "b.test"}) {
    std::string head;
    ask(router, get(host), head);
    EXPECT_EQ(status_of(head), 504) << host;
    EXPECT_EQ(field(head, "X-Nuri-Error"), "request_timeout") << host;
  }
}

TEST(WorkerEdge, AnInstanceThatARequestsTimeIsSpentConnectingToIsLeftAlone) {
  std::uint16_t port = 0;
  const Fd full = listen_here(port, 0);
  const Talk queued = Talk::to(port);
  Instance app(answering("hello"));
  TestWorker router;
  router.put("a.test", {"127.0.0.1:" + std::to_string(port), app.address()}, {},
             R"({"deadlines": {"request": "20ms"}})");
  int in_a_row = 0;
  for (int n = 0; n < 60 && in_a_row < 5; ++n) {
    std::string head;
    ask(router, get("a.test"), head);
    in_a_row = status_of(head) == 200 ? in_a_row + 1 : 0;
  }
  EXPECT_EQ(in_a_row, 5) << "equals take turns until one is left alone";
}

TEST(WorkerEdge, AConnectionOfTheRouteEndsAfterItsIdleTime) {
  Instance app(answering("hello"));
  TestWorker router;
  router.put("a.test", {app.address()}, {}, R"({"deadlines": {"idle": "20ms"}})");
  Talk client = router.talk();
  client.say(get("a.test"));
  std::string head;
  EXPECT_EQ(client.hear_answer(head), "hello");
  EXPECT_TRUE(client.ended());
}

std::string gunzipped(const std::string& bytes) {
  z_stream stream{};
  EXPECT_EQ(::inflateInit2(&stream, 15 + 16), Z_OK);
  std::string out(1 << 20, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  ::inflate(&stream, Z_SYNC_FLUSH);
  out.resize(stream.total_out);
  ::inflateEnd(&stream);
  return out;
}

TEST(WorkerEdge, TextIsCompressedForWhoTakesIt) {
  std::string text;
  for (int n = 0; n < 5000; ++n) text += fmt::format("line {}\n", n);
  Instance app([&](Talk& talk) {
    while (!talk.hear_head().empty())
      talk.say(
          fmt::format("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nETag: \"x\"\r\n"
                      "Accept-Ranges: bytes\r\nContent-Length: {}\r\n\r\n{}",
                      text.size(), text));
  });
  TestWorker router;
  router.put("a.test", {app.address()}, {}, R"({"compress": true})");
  Talk client = router.talk();
  std::string head;
  for (int n = 0; n < 2; ++n) {
    client.say(with("Accept-Encoding: gzip\r\n"));
    const std::string packed = client.hear_answer(head);
    EXPECT_EQ(gunzipped(packed), text);
    EXPECT_LT(packed.size(), text.size() / 2);
    EXPECT_EQ(field(head, "Content-Encoding"), "gzip");
    EXPECT_EQ(field(head, "Content-Length"), "");
    EXPECT_EQ(field(head, "Vary"), "Accept-Encoding");
    EXPECT_EQ(field(head, "ETag"), "W/\"x\"");
    EXPECT_EQ(field(head, "Accept-Ranges"), "");
  }
  EXPECT_EQ(app.connections(), 1U) << "both connections are kept";
  EXPECT_EQ(ask(router, get("a.test"), head), text);
  EXPECT_EQ(field(head, "Vary"), "Accept-Encoding");
  EXPECT_EQ(field(head, "ETag"), "\"x\"");
  client.say("GET / HTTP/1.0\r\nHost: a.test\r\nAccept-Encoding: gzip\r\n\r\n");
  EXPECT_EQ(client.hear_answer(head), text);
}

TEST(WorkerEdge, EventsAreCompressedAndNotHeldBack) {
  std::promise<void> heard;
  Instance app([&](Talk& talk) {
    talk.hear_head();
    talk.say(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        "b\r\ndata: one\n\n\r\n");
    EXPECT_EQ(heard.get_future().wait_for(std::chrono::seconds(20)), std::future_status::ready);
    talk.say("0\r\n\r\n");
    talk.hear_all();
  });
  TestWorker router;
  router.put("a.test", {app.address()}, {}, R"({"compress": true})");
  Talk client = router.talk();
  client.say(with("Accept-Encoding: gzip\r\n"));
  EXPECT_EQ(field(client.hear_head(), "Content-Encoding"), "gzip");
  std::string size, bytes;
  while (!size.ends_with("\r\n")) size += client.hear(1);
  bytes = client.hear(static_cast<std::size_t>(std::stoul(size, nullptr, 16)));
  EXPECT_EQ(gunzipped(bytes), "data: one\n\n");
  heard.set_value();
  EXPECT_TRUE(client.hear(2) == "\r\n");
}

}  // namespace
}  // namespace nuri::router

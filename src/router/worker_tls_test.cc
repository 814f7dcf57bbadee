#include <fmt/format.h>
#include <sys/socket.h>

#include <atomic>
#include <deque>
#include <vector>

#include "base/limits.h"
#include "router/test_tls_talk.h"
#include "router/test_worker.h"

// Clients inside TLS.

namespace nuri::router {
namespace {

class TlsWorker {
 public:
  explicit TlsWorker(Deadlines deadlines = {}) : worker(deadlines) {
    worker.worker().listen_tls(listen_here(port_));
    put(site);
  }
  void put(const net::TestSite& one) {
    worker.worker().put_certificate("a.test", one.certificate);
    std::promise<void> done;
    worker.worker().count([&](const Counted&) { done.set_value(); });
    done.get_future().get();
  }
  Talk talk() const { return Talk::to(port_); }
  // Shaken hands with.
  TlsTalk tls(net::TlsClient& client, std::string_view early = {}) const {
    TlsTalk out(talk(), client.connect("a.test"));
    EXPECT_TRUE(out.handshake(early)) << out.session().failure();
    return out;
  }

  net::TestSite site{{"a.test"}};
  net::TlsClient http1{site.pem.chain, {"http/1.1"}};
  net::TlsClient http2{site.pem.chain, {"h2", "http/1.1"}};
  TestWorker worker;

 private:
  std::uint16_t port_ = 0;
};

// Says under which scheme and protocol it was asked.
Instance::Behave telling_proto() {
  return [](Talk& talk) {
    for (std::string head; !(head = talk.hear_head()).empty();)
      talk.say(fmt::format("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{}",
                           field(head, "X-Forwarded-Proto")));
  };
}

TEST(WorkerTls, ServesHttp11) {
  Instance app(telling_proto());
  TlsWorker router;
  router.worker.put("a.test", {app.address()});
  TlsTalk client = router.tls(router.http1);
  EXPECT_EQ(client.session().alpn(), "http/1.1");
  for (int n = 0; n < 3; ++n) {
    client.say(get("a.test"));
    EXPECT_TRUE(client.hear_until("https").starts_with("HTTP/1.1 200 OK"));
  }
}

TEST(WorkerTls, ServesHttp2) {
  Instance app(telling_proto());
  TlsWorker router;
  router.worker.put("a.test", {app.address()});
  TlsTalk tls = router.tls(router.http2);
  EXPECT_EQ(tls.session().alpn(), "h2");
  Http2Client client(tls.bytes());
  for (int n = 0; n < 3; ++n) EXPECT_EQ(client.wait(client.get("a.test")).content, "https");
}

TEST(WorkerTls, LargeContentComesWholeBothWays) {
  static constexpr std::size_t kBytes = 5 << 20;
  Instance app([](Talk& talk) {
    for (std::string head; !(head = talk.hear_head()).empty();) {
      const std::string content = talk.hear(kBytes);
      talk.say(fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", kBytes) + content);
    }
  });
  TlsWorker router;
  router.worker.put("a.test", {app.address()});
  std::string content;
  while (content.size() < kBytes) content += fmt::format("{} ", content.size());
  content.resize(kBytes - 1);
  content += '.';
  TlsTalk client = router.tls(router.http1);
  client.say(fmt::format("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: {}\r\n\r\n", kBytes));
  client.say(content);
  const std::string answer = client.hear_until(".");
  EXPECT_TRUE(answer.ends_with("\r\n\r\n" + content)) << answer.size();
  TlsTalk tls = router.tls(router.http2);
  Http2Client http2(tls.bytes());
  const auto id = http2.post("a.test", "/", {{"content-length", fmt::to_string(kBytes)}});
  http2.content(id, content);
  http2.finish(id);
  EXPECT_TRUE(http2.wait(id).content == content);
}

TEST(WorkerTls, ASlowReaderSlowsTheInstance) {
  std::atomic<std::size_t> sent = 0;
  static constexpr std::size_t kMuch = 100 * limits::kMiB;
  Instance app([&](Talk& talk) {
    talk.hear_head();
    talk.say(fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", kMuch));
    const std::string piece(64 * limits::kKiB, 'd');
    for (; sent < kMuch; sent += piece.size())
      if (!talk.say(piece)) return;
  });
  TlsWorker router;
  router.worker.put("a.test", {app.address()});
  TlsTalk client = router.tls(router.http1);
  client.say(get("a.test"));
  std::string answer = client.hear_some();
  ASSERT_TRUE(eventually([&] { return sent > limits::kMiB; }));
  std::size_t got = answer.size() - answer.find("\r\n\r\n") - 4;
  EXPECT_LT(sent, 50 * limits::kMiB);
  for (std::string more; got < kMuch && !(more = client.hear_some()).empty();) got += more.size();
  EXPECT_EQ(got, kMuch);
}

// More than the router holds for all together: each step of theirs is small then.
TEST(WorkerTls, ManyWhoReadNothingGetAllOfItInTheEnd) {
  static constexpr std::size_t kClients = 40, kConnections = 6, kStreams = 8;
  std::string large;
  while (large.size() < 3 * limits::kMiB) large += fmt::format("{} ", large.size());
  large.back() = '.';
  Instance app(answering(large)), other(answering("small"));
  TlsWorker router;
  router.worker.put("a.test", {app.address()});
  router.worker.put("b.test", {other.address()});
  std::vector<Talk> plain;
  std::vector<TlsTalk> inside;
  std::deque<TlsTalk> carriers;
  std::deque<Http2Client> http2;
  for (std::size_t n = 0; n < kClients; ++n) {
    plain.push_back(router.worker.talk());
    plain.back().say(get("a.test"));
    inside.push_back(router.tls(router.http1));
    inside.back().say(get("a.test"));
  }
  std::vector<std::int32_t> streams;
  for (std::size_t n = 0; n < kConnections; ++n) {
    Http2Client& client =
        http2.emplace_back(carriers.emplace_back(router.tls(router.http2)).bytes());
    for (std::size_t k = 0; k < kStreams; ++k) streams.push_back(client.get("a.test"));
    client.flush();
  }
  std::string head;
  Talk small = router.worker.talk();
  for (int n = 0; n < 50; ++n) {
    small.say(get("b.test"));
    ASSERT_EQ(small.hear_answer(head), "small");
  }
  for (Talk& one : plain) EXPECT_TRUE(one.hear_answer(head) == large);
  for (TlsTalk& one : inside) EXPECT_TRUE(one.hear_until(".").ends_with("\r\n\r\n" + large));
  for (std::size_t n = 0; n < streams.size(); ++n)
    EXPECT_TRUE(http2[n / kStreams].wait(streams[n]).content == large) << n;
}

TEST(WorkerTls, AHandshakeThatStopsEndsAtTheDeadline) {
  TlsWorker router(Deadlines{.head = 100ms});
  Talk silent = router.talk();
  EXPECT_TRUE(silent.ended());
  net::TlsSession session = router.http1.connect("a.test");
  std::string_view none;
  std::string hello;
  (void)session.handshake(none);
  session.take_output(hello);
  Talk half = router.talk();
  half.say(std::string_view(hello).substr(0, hello.size() / 2));
  EXPECT_TRUE(half.ended());
  Talk unfinished = router.talk();
  unfinished.say(hello);
  unfinished.hear_all();
  EXPECT_TRUE(unfinished.ended());
}

TEST(WorkerTls, PlainHttpAndOtherNamesAreTurnedAway) {
  TlsWorker router;
  Talk plain = router.talk();
  plain.say(get("a.test"));
  plain.hear_all();
  EXPECT_TRUE(plain.ended());
  TlsTalk other(router.talk(), router.http1.connect("b.test"));
  EXPECT_FALSE(other.handshake());
  EXPECT_NE(other.session().failure(), "");
}

TEST(WorkerTls, RequestsThatComeWithTheEndOfTheHandshakeAreServed) {
  Instance app(telling_proto());
  TlsWorker router;
  router.worker.put("a.test", {app.address()});
  TlsTalk client = router.tls(
      router.http1,
      get("a.test") + "GET / HTTP/1.1\r\nHost: nobody.test\r\nConnection: close\r\n\r\n");
  const std::string both = client.hear_all();
  EXPECT_TRUE(both.starts_with("HTTP/1.1 200 OK"));
  EXPECT_TRUE(both.contains("httpsHTTP/1.1 404")) << both;
}

TEST(WorkerTls, AConnectionThatEndsWithAnAnswerSaysSo) {
  Instance app(answering("hello"));
  TlsWorker router;
  router.worker.put("a.test", {app.address()});
  TlsTalk client = router.tls(router.http1);
  client.say("GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(client.hear_all().ends_with("hello"));
  EXPECT_TRUE(client.closed());
}

TEST(WorkerTls, AnAnswerUntilCloseThatIsCutShortDoesNotEndAsAWholeOneDoes) {
  std::atomic<bool> cut = false;
  Instance app([&](Talk& talk) {
    const std::string head = talk.hear_head();
    talk.say("HTTP/1.1 200 OK\r\n\r\nsome");
    if (head.starts_with("GET /whole")) return;
    // Only once the answer has reached the client: the reset would overtake it.
    eventually([&] { return cut.load(); });
    const linger now{1, 0};
    ::setsockopt(talk.fd(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    talk.reset();
  });
  TlsWorker router;
  router.worker.put("a.test", {app.address()});
  TlsTalk whole = router.tls(router.http1);
  whole.say(get("a.test", "/whole"));
  EXPECT_TRUE(whole.hear_all().ends_with("some"));
  EXPECT_TRUE(whole.closed());
  TlsTalk short_one = router.tls(router.http1);
  short_one.say(get("a.test", "/short"));
  EXPECT_TRUE(short_one.hear_until("some").ends_with("some"));
  cut = true;
  EXPECT_EQ(short_one.hear_some(), "");
  EXPECT_FALSE(short_one.closed());
}

TEST(WorkerTls, AClientThatIsCutOffEndsTheInstancesWork) {
  std::atomic<int> asked = 0, left = 0;
  Instance app([&](Talk& talk) {
    talk.hear_head();
    ++asked;
    talk.hear_all();
    ++left;
  });
  TlsWorker router;
  router.worker.put("a.test", {app.address()});
  {
    TlsTalk waiting = router.tls(router.http1), uploading = router.tls(router.http1);
    waiting.say(get("a.test"));
    uploading.say("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100\r\n\r\nsome");
    ASSERT_TRUE(eventually([&] { return asked == 2; }));
  }
  EXPECT_TRUE(eventually([&] { return left == 2; }));
}

TEST(WorkerTls, GarbageInsteadOfARecordEndsTheConnection) {
  TlsWorker router;
  TlsTalk client = router.tls(router.http1);
  client.talk().say("this is no record");
  EXPECT_EQ(client.hear_some(), "");
}

TEST(WorkerTls, ANewCertificateIsForLaterHandshakes) {
  Instance app(telling_proto());
  TlsWorker router;
  router.worker.put("a.test", {app.address()});
  TlsTalk before = router.tls(router.http1);
  const net::TestSite renewed({"a.test"});
  router.put(renewed);
  before.say(get("a.test"));
  EXPECT_TRUE(before.hear_until("https").ends_with("https"));
  net::TlsClient trusting(renewed.pem.chain, {"h2", "http/1.1"});
  TlsTalk after = router.tls(trusting);
  Http2Client client(after.bytes());
  EXPECT_EQ(client.wait(client.get("a.test")).content, "https");
}

TEST(WorkerTls, AnswersThatManyClientsDoNotReadAreHeldInSmallPieces) {
  static constexpr std::size_t kClients = 150, kHeld = 2 * limits::kMiB, kBytes = 8 * limits::kMiB;
  Instance app([](Talk& talk) {
    talk.hear_head();
    talk.say(fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", kBytes));
    talk.say(std::string(kBytes, 'd'));
  });
  TlsWorker router;
  router.worker.put("a.test", {app.address()});
  std::deque<TlsTalk> clients;
  const int little = 4096;  // fits into their sockets
  for (std::size_t n = 0; n < kClients; ++n) {
    TlsTalk& client = clients.emplace_back(router.tls(router.http1));
    ASSERT_EQ(::setsockopt(client.talk().fd(), SOL_SOCKET, SO_RCVBUF, &little, sizeof little), 0);
    client.say(get("a.test"));
  }
  const auto held = settled_held(router.worker);
  EXPECT_GE(held, kHeld);
  EXPECT_LT(held, kHeld + kClients * 3 * limits::kKiB);
  EXPECT_TRUE(clients.front().hear_some().starts_with("HTTP/1.1 200 OK"));
  clients.clear();
  EXPECT_TRUE(eventually([&] { return count(router.worker).held_bytes == 0; }));
}

TEST(WorkerTls, DrainingEndsConnectionsInOrder) {
  TlsWorker router;
  TlsTalk one = router.tls(router.http1);
  one.say(get("nobody.test"));
  EXPECT_TRUE(one.hear_some().starts_with("HTTP/1.1 404"));
  TlsTalk two = router.tls(router.http2);
  Http2Client http2(two.bytes());
  EXPECT_EQ(http2.wait(http2.get("nobody.test")).status, 404);
  std::thread stop([&] { router.worker.worker().stop(20s); });
  one.hear_all();
  EXPECT_TRUE(one.closed());
  EXPECT_TRUE(http2.ended());
  EXPECT_TRUE(http2.goaway());
  EXPECT_TRUE(two.closed());
  stop.join();
}

}  // namespace
}  // namespace nuri::router

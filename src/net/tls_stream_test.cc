#include "net/tls_stream.h"

#include <gtest/gtest.h>

#include "async/child.h"
#include "async/deadline.h"
#include "async/epoll_loop.h"
#include "async/simulated_loop.h"
#include "async/task_group.h"
#include "net/listener.h"
#include "net/memory_stream.h"
#include "net/test_authority.h"
#include "net/test_tls.h"

namespace nuri::net {
namespace {

struct Site {
  Site() {
    const PemPair pem = authority.issue("a.example.com");
    server.set_default(Certificate::parse(pem.chain, pem.key));
  }
  TestAuthority authority{"root"};
  TlsServer server{test_keys(), {"http/1.1"}};
  TlsClient client{authority.pem(), {"http/1.1"}};
};

Task<void> shake(TlsStream& stream, IoResult<void>& result) {
  result = co_await async::within(10s, stream.handshake());
}

struct Ends {
  std::unique_ptr<TlsStream> client, server;
  IoResult<void> client_done, server_done;
};

Task<Ends> meet(async::Loop& loop, Site& site, std::string_view host, std::size_t piece = 4096) {
  auto [a, b] = memory_pair(loop, piece);
  Ends ends;
  ends.client = std::make_unique<TlsStream>(std::move(a), site.client.connect(host));
  ends.server = std::make_unique<TlsStream>(std::move(b), site.server.accept());
  async::TaskGroup group(loop);
  group.spawn(shake(*ends.client, ends.client_done));
  group.spawn(shake(*ends.server, ends.server_done));
  co_await group.join();
  co_return ends;
}

Task<void> receive(TlsStream& stream, std::string& out, IoResult<void>& end) {
  for (;;) {
    auto chunk = co_await async::within(10s, stream.recv());
    if (!chunk) end = std::unexpected(chunk.error());
    if (!chunk || chunk->empty()) co_return;
    out += chunk->view();
  }
}

Task<void> send_all(TlsStream& stream, const std::string& text) {
  EXPECT_TRUE(co_await stream.send(text));
  stream.shutdown_send();
}

Task<void> both_ways(async::SimulatedLoop& loop, Site& site, std::size_t piece) {
  Ends ends = co_await meet(loop, site, "a.example.com", piece);
  EXPECT_TRUE(ends.client_done && ends.server_done) << ends.client->session().failure();
  const std::string question(piece * 300, 'q'), answer(piece * 700, 'a');
  std::string at_server, at_client;
  IoResult<void> end_of_question, end_of_answer;
  async::TaskGroup group(loop);
  group.spawn(send_all(*ends.client, question));
  group.spawn(send_all(*ends.server, answer));
  group.spawn(receive(*ends.client, at_client, end_of_answer));
  group.spawn(receive(*ends.server, at_server, end_of_question));
  co_await async::sleep(1s);  // of simulated time
  EXPECT_TRUE(at_server == question);
  EXPECT_TRUE(at_client == answer);
  group.cancel();
  co_await group.join();
}

TEST(TlsStream, CarriesBothWaysAtOnce) {
  Site site;
  for (const std::size_t piece : {1, 1000})
    for (std::uint64_t seed = 1; seed < 5; ++seed) {
      async::SimulatedLoop loop(seed);
      loop.run(both_ways(loop, site, piece));
    }
}

Task<void> endings(async::SimulatedLoop& loop, Site& site) {
  Ends said = co_await meet(loop, site, "a.example.com");
  EXPECT_TRUE(co_await said.client->send("all"));
  EXPECT_EQ((co_await said.server->recv())->view(), "all");
  EXPECT_TRUE(said.server->quiet());
  said.client->shutdown_send();
  EXPECT_EQ((co_await async::within(1s, said.client->recv())).error(), IoError::timed_out);
  EXPECT_FALSE(said.server->quiet());
  EXPECT_TRUE((co_await said.server->recv())->empty());
  EXPECT_TRUE((co_await said.server->recv())->empty());

  Ends cut = co_await meet(loop, site, "a.example.com");
  EXPECT_TRUE(co_await cut.client->send("all"));
  cut.client.reset();
  // The memory stream resets who went with unread bytes (the session's tickets); a socket may too.
  const auto first = co_await cut.server->recv();
  if (first) EXPECT_FALSE(co_await cut.server->recv());
}

Task<void> finished(async::SimulatedLoop& loop, Site& site) {
  Ends ends = co_await meet(loop, site, "a.example.com");
  std::string got;
  IoResult<void> end;
  async::TaskGroup group(loop);
  group.spawn(receive(*ends.client, got, end));
  EXPECT_TRUE(co_await ends.server->send("all"));
  EXPECT_TRUE(co_await ends.server->finish());
  co_await group.join();
  EXPECT_EQ(got, "all");
  EXPECT_TRUE(end);
}

TEST(TlsStream, WhoFinishesDoesNotLookCutOff) {
  Site site;
  async::SimulatedLoop loop(1);
  loop.run(finished(loop, site));
}

TEST(TlsStream, TellsTheEndFromACut) {
  Site site;
  async::SimulatedLoop loop(1);
  loop.run(endings(loop, site));
}

Task<void> cut_cleanly(async::SimulatedLoop& loop, Site& site) {
  auto [a, b] = memory_pair(loop);
  TlsStream server(std::move(b), site.server.accept());
  a->shutdown_send();
  EXPECT_EQ((co_await server.handshake()).error(), IoError::end);
}

TEST(TlsStream, APeerThatEndsInTheHandshakeIsAnEnd) {
  Site site;
  async::SimulatedLoop loop(1);
  loop.run(cut_cleanly(loop, site));
}

Task<std::string> why_not(async::SimulatedLoop& loop, Site& site, std::string_view host) {
  Ends ends = co_await meet(loop, site, host);
  EXPECT_EQ(ends.client_done.error(), IoError::untrusted);
  EXPECT_FALSE(ends.server_done);
  co_return ends.client->session().failure();
}

TEST(TlsStream, AClientSaysWhatIsWrongWithACertificate) {
  async::SimulatedLoop loop(1);
  Site site;
  EXPECT_EQ(loop.run(why_not(loop, site, "b.example.com")),
            "the peer's certificate is not for \"b.example.com\": it is for a.example.com");
  EXPECT_EQ(loop.run(why_not(loop, site, "127.0.0.1")),
            "the peer's certificate is not for \"127.0.0.1\": it is for a.example.com");
  PemPair pem = site.authority.issue("a.example.com", -7200, -3600);
  site.server.set_default(Certificate::parse(pem.chain, pem.key));
  EXPECT_EQ(loop.run(why_not(loop, site, "a.example.com")),
            "the certificate of the peer for \"a.example.com\" has expired (CN = a.example.com)");
  pem = TestAuthority("stranger").issue("a.example.com");
  site.server.set_default(Certificate::parse(pem.chain, pem.key));
  EXPECT_EQ(loop.run(why_not(loop, site, "a.example.com")),
            "the issuer of the peer's certificate is not among the trusted (CN = a.example.com): "
            "an unknown authority, or the peer leaves out its intermediates");
  pem = make_self_signed({"a.example.com"}, real_now(), 24h);
  site.server.set_default(Certificate::parse(pem.chain, pem.key));
  EXPECT_EQ(loop.run(why_not(loop, site, "a.example.com")),
            "the peer's certificate signs itself and is not among the trusted (CN = "
            "a.example.com)");
}

Task<IoResult<Fd>> accept_one(Listener& listener) { co_return co_await listener.accept(); }

Task<void> answer_one(Listener& listener, async::Loop& loop, Site& site, std::string& host) {
  auto socket = co_await async::within(10s, accept_one(listener));
  TlsStream stream(std::make_unique<SocketStream>(loop, std::move(*socket)), site.server.accept());
  EXPECT_TRUE(co_await async::within(10s, stream.handshake())) << stream.session().failure();
  host = stream.session().host();
  auto chunk = co_await async::within(10s, stream.recv());
  EXPECT_EQ(chunk ? chunk->view() : "", "question\n");
  EXPECT_TRUE(co_await stream.send("an answer of ours\n"));
  stream.shutdown_send();
  co_await async::within(10s, stream.recv());
}

Task<std::string> ask_with_openssl(async::Loop& loop, Site& site, std::string version) {
  Listener listener(loop, listen_on(Address::loopback(0)));
  async::TaskGroup group(loop);
  std::string host;
  group.spawn(answer_one(listener, loop, site, host));
  const auto done = co_await async::run_program(
      loop,
      {"openssl", "s_client", "-connect", listener.address().str(), "-servername", "a.example.com",
       "-alpn", "http/1.1", version, "-ign_eof", "-brief"},
      "question\n", 10s);
  co_await group.join();
  EXPECT_EQ(host, "a.example.com");
  co_return done.out;
}

TEST(TlsStream, OpensslsClientUnderstandsIt) {
  Site site;
  async::EpollLoop loop;
  for (const auto& [flag, name] :
       {std::pair{"-tls1_2", "TLSv1.2"}, std::pair{"-tls1_3", "TLSv1.3"}}) {
    const std::string out = loop.run(ask_with_openssl(loop, site, flag));
    EXPECT_NE(out.find(name), out.npos) << out;
    EXPECT_NE(out.find("an answer of ours"), out.npos) << out;
  }
}

}  // namespace
}  // namespace nuri::net

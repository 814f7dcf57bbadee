#include "control/acme_issuer.h"

#include <gmock/gmock.h>

#include <utility>

#include "acme/test_pebble.h"
#include "acme/test_wellknown.h"
#include "async/epoll_loop.h"
#include "async/simulated_loop.h"
#include "async/task_group.h"
#include "http/memory_dialer.h"
#include "http/server.h"
#include "model/app.h"
#include "model/certificate.h"
#include "store/memory/memory_store.h"

// Against a real authority on loopback.

namespace nuri::control {
namespace {

using acme::Wellknown;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

struct Place {
  Wellknown& wellknown;
  async::Loop& loop;
  store::LiveStore& store;
  AcmeIssuerParts parts;
};

Task<std::vector<model::AcmeAccount>> accounts(store::LiveStore& store) {
  co_return co_await store.read(
      [](store::Reader& reader) { return reader.all(store::Query<model::AcmeAccount>()); });
}

Task<void> play(async::Loop& loop, Task<void> (*test)(Place)) {
  acme::Pebble pebble(loop);
  SeededRandom random(1);
  store::MemoryStore rows;
  async::ThreadPool pool(1, limits::kBlockingQueue);
  store::LiveStore store(rows, pool);
  net::TlsClient trust(pebble.roots(), {"http/1.1"});
  http::SocketDialer dialer(loop, nullptr, &trust);
  http::Client client(loop, dialer);
  acme::ClientFetcher fetcher(client);
  Wellknown wellknown;
  acme::HttpSolver solver(wellknown);
  http::Server server(loop, wellknown);
  async::TaskGroup group(loop);
  group.spawn(
      server.run(net::Listener(loop, net::listen_on(net::Address::loopback(pebble.http_port)))));
  co_await pebble.start(client);
  co_await test({wellknown,
                 loop,
                 store,
                 {store,
                  client,
                  solver,
                  random,
                  pebble.directory(),
                  {"ops@example.com"},
                  AcmeProbe{wellknown, fetcher, pebble.http_port}}});
  group.cancel();
  co_await group.join();
}

void run(Task<void> (*test)(Place)) {
  async::EpollLoop loop;
  loop.run(play(loop, test));
}

bool covers(const Issued& issued, const std::string& name) {
  return issued.error.empty() &&
         net::Certificate::parse(issued.pem.chain, issued.pem.key)->covers(name);
}

TEST(AcmeIssuer, MakesItsAccountOnceAndKeepsIt) {
  run([](Place p) -> Task<void> {
    AcmeIssuer issuer(p.parts);
    std::vector<Issued> got(3);
    async::TaskGroup all(p.loop);
    for (std::size_t i = 0; i < got.size(); ++i)
      all.spawn([](AcmeIssuer& from, std::size_t n, Issued& to) -> Task<void> {
        to = co_await from.issue({std::to_string(n) + ".apps.localhost"});
      }(issuer, i, got[i]));
    co_await all.join();
    for (std::size_t i = 0; i < got.size(); ++i)
      EXPECT_TRUE(covers(got[i], std::to_string(i) + ".apps.localhost")) << got[i].error;
    EXPECT_THAT(p.wellknown.tokens, IsEmpty());
    const auto before = co_await accounts(p.store);
    EXPECT_EQ(before.size(), 1U);

    AcmeIssuer later(p.parts);
    EXPECT_TRUE(covers(co_await later.issue({"a.apps.localhost"}), "a.apps.localhost"));
    EXPECT_EQ(co_await accounts(p.store), before);
  });
}

TEST(AcmeIssuer, DoesNotAskForANameThatDoesNotLeadHere) {
  run([](Place p) -> Task<void> {
    p.wellknown.broken = true;
    const Issued got = co_await AcmeIssuer(p.parts).issue({"a.apps.localhost"});
    EXPECT_THAT(got.error, StartsWith("a.apps.localhost is answered by something that is not"));
    EXPECT_THAT(co_await accounts(p.store), IsEmpty());
  });
}

// An authority that has had enough of us.
class Limited final : public http::Service {
 public:
  Task<void> serve(http::Request& request, http::Response& response) override {
    http::Headers headers;
    headers.add("Replay-Nonce", "nonce");
    if (request.path == "/dir") {
      co_await response.send(200, headers,
                             R"({"newNonce":"http://authority/nonce",)"
                             R"("newAccount":"http://authority/account",)"
                             R"("newOrder":"http://authority/order"})");
      co_return;
    }
    if (request.path == "/nonce") {
      co_await response.send(200, headers, "");
      co_return;
    }
    headers.add("Retry-After", "7200");
    co_await response.send(429, headers,
                           R"({"type":"urn:ietf:params:acme:error:rateLimited","detail":"slow"})");
  }
};

Task<Issued> ask_a_limited_one(async::SimulatedLoop& loop) {
  Limited limited;
  http::Server server(loop, limited);
  async::TaskGroup group(loop);
  http::MemoryDialer dialer(loop, group, server);
  http::Client client(loop, dialer);
  SeededRandom random(1);
  store::MemoryStore rows;
  async::SimulatedPool pool(loop, 5ms);
  store::LiveStore store(rows, pool);
  Wellknown wellknown;
  acme::HttpSolver solver(wellknown);
  AcmeIssuer issuer({store, client, solver, random, "http://authority/dir", {}, std::nullopt});
  Issued got = co_await issuer.issue({"a.example.com"});
  client.close_kept();
  group.cancel();
  co_await group.join();
  co_return got;
}

TEST(AcmeIssuer, TellsHowLongTheAuthorityAskedToWait) {
  async::SimulatedLoop loop(1);
  const Issued got = loop.run(ask_a_limited_one(loop));
  EXPECT_THAT(got.error, HasSubstr("slow (rateLimited)"));
  EXPECT_EQ(got.asked_to_wait, 2h);
  EXPECT_EQ(got.pem.chain, "");
}

TEST(AcmeIssuer, SaysWhatTheAuthoritySays) {
  run([](Place p) -> Task<void> {
    p.wellknown.broken = true;
    p.parts.probe.reset();
    const Issued got = co_await AcmeIssuer(p.parts).issue({"a.apps.localhost"});
    EXPECT_THAT(got.error, HasSubstr("the certificate authority says"));
    p.parts.directory = "https://localhost:1/dir";
    const Issued none = co_await AcmeIssuer(p.parts).issue({"a.apps.localhost"});
    EXPECT_THAT(none.error, HasSubstr("read the certificate authority's directory"));
    EXPECT_EQ((co_await accounts(p.store)).size(), 2U);
  });
}

}  // namespace
}  // namespace nuri::control

#include <gtest/gtest.h>

#include "acme/order.h"
#include "acme/test_pebble.h"
#include "acme/test_wellknown.h"
#include "async/epoll_loop.h"
#include "async/task_group.h"
#include "http/server.h"

// Orders against a real certificate authority on loopback.

namespace nuri::acme {
namespace {

// What a test's order needs, once pebble answers.
struct Place {
  Pebble& pebble;
  Wellknown& wellknown;
  http::Client& client;
  async::Loop& loop;
};

Task<void> play(async::Loop& loop, Task<void> (*test)(Place)) {
  Pebble pebble(loop);
  net::TlsClient trust(pebble.roots(), {"http/1.1"});
  http::SocketDialer dialer(loop, nullptr, &trust);
  http::Client client(loop, dialer);
  Wellknown wellknown;
  http::Server server(loop, wellknown);
  async::TaskGroup group(loop);
  group.spawn(
      server.run(net::Listener(loop, net::listen_on(net::Address::loopback(pebble.http_port)))));
  co_await pebble.start(client);
  co_await test({pebble, wellknown, client, loop});
  group.cancel();
  co_await group.join();
}

void run(Task<void> (*test)(Place)) {
  async::EpollLoop loop;
  loop.run(play(loop, test));
}

TEST(Pebble, IssuesForNamesProvedByHttpToAnAccountThatItKnowsAgain) {
  run([](Place p) -> Task<void> {
    const AccountKey key = AccountKey::make();
    Authority authority(p.client, key, p.pebble.directory());
    co_await authority.enter({"ops@example.com"});
    HttpSolver solver(p.wellknown);
    const auto pem = co_await obtain(authority, key, solver, {"a.example.com", "b.example.com"});
    const auto made = net::Certificate::parse(pem.chain, pem.key);
    EXPECT_TRUE(made->covers("a.example.com") && made->covers("b.example.com"));
    EXPECT_GE(made->intermediates().size(), 1U);
    EXPECT_GE(p.wellknown.asked, 2);
    EXPECT_TRUE(p.wellknown.tokens.empty());

    const AccountKey same = AccountKey::parse(key.pem());
    Authority again(p.client, same, p.pebble.directory());
    co_await again.enter({});
    EXPECT_EQ(again.account(), authority.account());
  });
}

TEST(Pebble, IssuesAWildcardProvedByTheDnsProgram) {
  run([](Place p) -> Task<void> {
    const AccountKey key = AccountKey::make();
    Authority authority(p.client, key, p.pebble.directory());
    co_await authority.enter({});
    DnsHook solver(p.loop, p.pebble.hook());
    const auto pem = co_await obtain(authority, key, solver, {"example.com", "*.example.com"});
    const auto made = net::Certificate::parse(pem.chain, pem.key);
    EXPECT_TRUE(made->covers("example.com") && made->covers("anything.example.com"));
    std::ifstream asked(p.pebble.folder() + "/asked");
    std::vector<std::string> verbs;
    for (std::string line; std::getline(asked, line);)
      verbs.push_back(line.substr(0, line.find(' ', line.find(' ') + 1)));
    const std::string put = "present _acme-challenge.example.com";
    const std::string away = "cleanup _acme-challenge.example.com";
    EXPECT_EQ(verbs, (std::vector{put, put, away, away}));
  });
}

Task<std::string> failure_of(Task<net::PemPair> order) {
  try {
    co_await std::move(order);
  } catch (const Error& error) {
    co_return error.message();
  }
  co_return "no failure";
}

TEST(Pebble, WhatItRefusesIsExplainedAndClearedAway) {
  run([](Place p) -> Task<void> {
    const AccountKey key = AccountKey::make();
    Authority authority(p.client, key, p.pebble.directory());
    co_await authority.enter({});
    HttpSolver solver(p.wellknown);
    p.wellknown.broken = true;
    const std::string why = co_await failure_of(obtain(authority, key, solver, {"a.example.com"}));
    EXPECT_TRUE(why.starts_with("prove that a.example.com is ours: the certificate authority says"))
        << why;
    EXPECT_NE(why.find("must lead to this machine"), why.npos) << why;
    EXPECT_TRUE(p.wellknown.tokens.empty());

    EXPECT_TRUE((co_await failure_of(obtain(authority, key, solver, {"*.example.com"})))
                    .starts_with("*.example.com needs a proof by DNS"));
    DnsHook nowhere(p.loop, "/bin/false");
    EXPECT_TRUE((co_await failure_of(obtain(authority, key, nowhere, {"a.example.com"})))
                    .starts_with("the DNS program failed: /bin/false present"));
  });
}

TEST(Pebble, AStrangersCertificateIsNotTalkedTo) {
  run([](Place p) -> Task<void> {
    const net::TestAuthority other("other root");
    net::TlsClient trust(other.pem(), {"http/1.1"});
    http::SocketDialer dialer(p.loop, nullptr, &trust);
    http::Client client(p.loop, dialer);
    const AccountKey key = AccountKey::make();
    Authority authority(client, key, p.pebble.directory());
    std::string why;
    try {
      co_await authority.enter({});
    } catch (const Error& error) {
      why = error.message();
    }
    EXPECT_NE(why.find("the issuer of the peer's certificate is not among the trusted"), why.npos)
        << why;
  });
}

}  // namespace
}  // namespace nuri::acme

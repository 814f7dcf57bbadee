#include <gtest/gtest.h>

#include "async/deadline.h"
#include "async/epoll_loop.h"
#include "http/client.h"
#include "http/server.h"
#include "net/test_authority.h"
#include "net/test_tls.h"
#include "net/tls_stream.h"

// The client over TLS, against the server over TLS, on real sockets.

namespace nuri::http {
namespace {

class Hello final : public Service {
 public:
  Task<void> serve(Request&, Response& response) override {
    co_await response.send(200, {}, "hello over TLS");
  }
};

Task<void> serve_one(async::Loop& loop, Server& server, net::TlsServer& tls, Fd socket) {
  net::TlsStream stream(std::make_unique<net::SocketStream>(loop, std::move(socket)), tls.accept());
  if (!co_await async::within(10s, stream.handshake())) co_return;
  co_await server.serve_connection(stream);
  co_await async::within(1s, stream.finish());
}

Task<void> serve_tls(async::Loop& loop, Server& server, net::TlsServer& tls,
                     net::Listener& listener, async::TaskGroup& group) {
  for (;;) {
    auto socket = co_await listener.accept();
    if (!socket) co_return;
    group.spawn(serve_one(loop, server, tls, std::move(*socket)));
  }
}

Task<void> ask(async::Loop& loop, net::TlsServer& tls, const std::string& roots) {
  Hello hello;
  Server server(loop, hello);
  net::Listener listener(loop, net::listen_on(net::Address::loopback(0)));
  async::TaskGroup group(loop);
  group.spawn(serve_tls(loop, server, tls, listener, group));
  {
    net::TlsClient trust(roots, {"http/1.1"});
    SocketDialer dialer(loop, nullptr, &trust);
    Client client(loop, dialer);
    const std::string port = ":" + std::to_string(listener.address().port());
    for (int i = 0; i < 3; ++i) {
      auto answer = co_await client.request({.url = "https://a.localhost" + port + "/"});
      EXPECT_TRUE(answer);
      if (answer) EXPECT_EQ(co_await read_all(*answer->body, 100), "hello over TLS");
      EXPECT_EQ(client.kept(), 1U);
    }
    std::string why;
    auto refused =
        co_await client.request({.url = "https://b.localhost" + port + "/", .why = &why});
    EXPECT_EQ(refused.error(), IoError::untrusted);
    EXPECT_EQ(why, "the peer's certificate is not for \"b.localhost\": it is for a.localhost");
    SocketDialer plain(loop);
    Client none(loop, plain);
    refused = co_await none.request({.url = "https://a.localhost" + port + "/", .why = &why});
    EXPECT_EQ(refused.error(), IoError::other);
    EXPECT_EQ(why, "https is not set up here");
  }
  group.cancel();
  co_await group.join();
}

TEST(Https, IsAskedWithVerificationAndItsConnectionsAreKept) {
  const net::TestAuthority authority("root");
  const net::PemPair pem = authority.issue("a.localhost");
  net::TlsServer tls(net::test_keys(), {"http/1.1"});
  tls.set_default(net::Certificate::parse(pem.chain, pem.key));
  async::EpollLoop loop;
  loop.run(ask(loop, tls, authority.pem()));
}

}  // namespace
}  // namespace nuri::http

// The command line's way to an API over https, on real sockets.

#include "cli/connection.h"

#include <gtest/gtest.h>

#include "async/deadline.h"
#include "async/epoll_loop.h"
#include "cli/api.h"
#include "cli/stub_api.h"
#include "http/server.h"
#include "image/scratch_folder.h"
#include "net/test_authority.h"
#include "net/test_tls.h"
#include "net/tls_stream.h"

namespace nuri::cli {
namespace {

// A stub of the API behind TLS, at https://localhost:PORT, with a home of the test's own.
class ConnectionTest : public ::testing::Test {
 protected:
  ConnectionTest() {
    ::setenv("NURI_HOME", home_.path().c_str(), 1);
    const net::PemPair pem = authority_.issue("localhost");
    tls_.set_default(net::Certificate::parse(pem.chain, pem.key));
  }
  ~ConnectionTest() override { ::unsetenv("NURI_HOME"); }

  std::string url() const { return "https://localhost:" + std::to_string(port_); }

  static Task<void> serve_one(ConnectionTest& test, http::Server& server, Fd socket) {
    net::TlsStream stream(std::make_unique<net::SocketStream>(test.loop_, std::move(socket)),
                          test.tls_.accept());
    if (!co_await async::within(10s, stream.handshake())) co_return;
    co_await server.serve_connection(stream);
  }
  static Task<void> serve(ConnectionTest& test, http::Server& server, async::TaskGroup& group) {
    net::Listener listener(test.loop_, std::move(test.socket_));
    for (;;) {
      auto socket = co_await listener.accept();
      if (!socket) co_return;
      ++test.accepted_;
      group.spawn(serve_one(test, server, std::move(*socket)));
    }
  }

  // Logs in, and asks for a job by the link that the stub gives, which names another origin.
  Task<void> log_in_and_ask(Session& session) {
    http::Server server(loop_, stub_);
    async::TaskGroup group(loop_);
    group.spawn(serve(*this, server, group));
    async::ThreadPool pool(1, 16);
    std::exception_ptr failure;
    try {
      Connection connection(loop_, pool, session);
      co_await session.log_in(connection.client(), "admin", "secret");
      Api api(connection.client(), session);
      Answer begun;
      begun.location = "http://stub/v3/jobs/j";
      co_await api.finish(begun, "wait");
    } catch (...) {
      failure = std::current_exception();
    }
    server.drain();
    group.cancel();
    co_await group.join();
    if (failure) std::rethrow_exception(failure);
  }
  void run(Session session) { loop_.run(log_in_and_ask(session)); }

  Error failure_of(Session session) {
    try {
      run(std::move(session));
    } catch (const Error& error) {
      return error;
    }
    ADD_FAILURE() << "it went well";
    return Error(Code::internal, "");
  }

  image::ScratchFolder home_;
  net::TestAuthority authority_{"root"};
  net::TlsServer tls_{net::test_keys(), {"http/1.1"}};
  async::EpollLoop loop_;
  Fd socket_ = net::listen_on(net::Address::loopback(0));
  int port_ = net::local_address(socket_.get()).port();
  StubApi stub_;
  int accepted_ = 0;
};

TEST_F(ConnectionTest, AnApiOverTlsIsUsedAndItsLinksAreFollowedWhereItWasAsked) {
  Session session(url());
  session.trust(authority_.pem());
  run(session);
  EXPECT_TRUE(stub_.was_asked("GET /v3/jobs/j"));
}

TEST_F(ConnectionTest, WhatIsTrustedIsRememberedWithTheLoginForThatApiAlone) {
  Session session(url());
  session.trust(authority_.pem());
  run(session);
  EXPECT_EQ(Session::open().trusted(), authority_.pem());
  EXPECT_EQ(Session::for_login(url()).trusted(), authority_.pem());
  EXPECT_EQ(Session::for_login("https://other").trusted(), "");
}

TEST_F(ConnectionTest, AnUntrustedApiGetsNothingAndTheErrorSaysHowToTrustIt) {
  Session session(url());
  session.trust(net::TestAuthority("another").pem());
  const Error error = failure_of(session);
  EXPECT_EQ(error.code(), Code::forbidden);
  EXPECT_NE(error.message().find("nuri login -a " + url() + " --ca FILE"), std::string::npos)
      << error.message();
  EXPECT_TRUE(stub_.asked.empty());
  EXPECT_EQ(accepted_, 1) << "trying again cannot help";
  EXPECT_TRUE(load_config(config_folder()).trusted.empty());
}

TEST_F(ConnectionTest, ACertificateForAnotherNameIsRefusedNamingIt) {
  Session session("https://127.0.0.1:" + std::to_string(port_));
  session.trust(authority_.pem());
  const Error error = failure_of(session);
  EXPECT_EQ(error.code(), Code::forbidden);
  EXPECT_NE(error.message().find("it is for localhost"), std::string::npos) << error.message();
}

TEST_F(ConnectionTest, AFileOfRootsMustHoldSome) {
  home_.write("roots.pem", authority_.pem());
  home_.write("other", "no certificate");
  EXPECT_EQ(read_roots(home_.path() / "roots.pem"), authority_.pem());
  EXPECT_THROW(read_roots(home_.path() / "other"), Error);
  try {
    read_roots(home_.path());
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::bad_request) << error.message();
  }
}

}  // namespace
}  // namespace nuri::cli

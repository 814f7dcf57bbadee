#include "net/tls_server.h"

#include <gtest/gtest.h>

#include <thread>

#include "net/openssl.h"
#include "net/test_authority.h"
#include "net/test_tls.h"

namespace nuri::net {
namespace {

// The name of the certificate that `server` shows to who asks for `host` (empty: asks for none).
std::string shown(TlsServer& server, const std::string& roots, const std::string& host) {
  TlsClient client(roots, {});
  TlsPair both(client.connect("x"), server.accept());
  SSL_set1_host(both.client.native(), nullptr);
  SSL_set_verify(both.client.native(), SSL_VERIFY_PEER, [](int, X509_STORE_CTX*) { return 1; });
  char* const name_asked = host.empty() ? nullptr : const_cast<char*>(host.c_str());
  SSL_set_tlsext_host_name(both.client.native(), name_asked);
  if (!both.shake()) return "refused: " + both.server.failure();
  const X509Ptr peer(SSL_get1_peer_certificate(both.client.native()));
  char name[100] = {};
  X509_NAME_get_text_by_NID(X509_get_subject_name(peer.get()), NID_commonName, name, sizeof name);
  return name;
}

TEST(TlsServer, TheCertificateIsTheNamesThenItsWildcardsThenTheDefault) {
  const TestSite exact({"a.example.com"}), wild({"*.example.com"}), other({"fallback"});
  TlsServer server(test_keys(), {});
  server.put("a.example.com", exact.certificate);
  server.put("*.example.com", wild.certificate);
  const std::string& roots = exact.pem.chain;
  EXPECT_EQ(shown(server, roots, "a.example.com"), "a.example.com");
  EXPECT_EQ(shown(server, roots, "A.Example.COM"), "a.example.com");
  EXPECT_EQ(shown(server, roots, "b.example.com"), "*.example.com");
  EXPECT_EQ(shown(server, roots, "x.b.example.com"),
            "refused: there is no certificate for \"x.b.example.com\"");
  EXPECT_EQ(shown(server, roots, ""),
            "refused: the client names no host, and there is no default certificate");
  server.set_default(other.certificate);
  EXPECT_EQ(shown(server, roots, "x.b.example.com"), "fallback");
  EXPECT_EQ(shown(server, roots, "example.com"), "fallback");
  EXPECT_EQ(shown(server, roots, ""), "fallback");
  EXPECT_EQ(shown(server, roots, "no host name!"), "fallback");
}

TEST(TlsServer, SendsTheIntermediatesToo) {
  const TestAuthority root("root"), middle("middle", &root);
  const PemPair pem = middle.issue("a.example.com");
  TlsServer server(test_keys(), {});
  server.set_default(Certificate::parse(pem.chain, pem.key));
  TlsClient client(root.pem(), {});
  TlsPair both(client.connect("a.example.com"), server.accept());
  ASSERT_TRUE(both.shake()) << both.client.failure();
  EXPECT_EQ(sk_X509_num(SSL_get_peer_cert_chain(both.client.native())), 2);
}

TEST(TlsServer, ReplacesCertificatesUnderALiveSession) {
  const TestSite old({"a.example.com"}), fresh({"a.example.com"});
  TlsServer server(test_keys(), {});
  server.put("a.example.com", old.certificate);
  TlsClient trusts_old(old.pem.chain, {}), trusts_fresh(fresh.pem.chain, {});
  TlsPair before(trusts_old.connect("a.example.com"), server.accept());
  ASSERT_TRUE(before.shake());
  TlsPair halfway(trusts_fresh.connect("a.example.com"), server.accept());
  server.put("a.example.com", fresh.certificate);
  EXPECT_EQ(server.names(), 1U);
  EXPECT_EQ(before.to_the_server("still here"), "still here");
  EXPECT_TRUE(halfway.shake()) << halfway.client.failure();
  TlsPair after(trusts_old.connect("a.example.com"), server.accept());
  EXPECT_FALSE(after.shake());
  EXPECT_TRUE(server.remove("a.example.com"));
  EXPECT_FALSE(server.remove("a.example.com"));
  EXPECT_EQ(server.find("a.example.com"), nullptr);
  EXPECT_EQ(before.to_the_client("and there"), "and there");
}

using SessionPtr = std::unique_ptr<SSL_SESSION, FreeWith<SSL_SESSION_free>>;

// A session of a client that can be resumed: after a first exchange, when its ticket has come.
SessionPtr first_session(TlsClient& client, TlsServer& server, int version) {
  TlsPair both(client.connect("a.example.com"), server.accept());
  SSL_set_max_proto_version(both.client.native(), version);
  EXPECT_TRUE(both.shake()) << both.client.failure();
  EXPECT_FALSE(both.server.resumed());
  EXPECT_EQ(both.to_the_client("hello"), "hello");
  both.client.shutdown();  // OpenSSL does not resume what was cut off
  return SessionPtr(SSL_get1_session(both.client.native()));
}

bool resumes(TlsClient& client, TlsServer& server, SSL_SESSION* session) {
  TlsPair both(client.connect("a.example.com"), server.accept());
  SSL_set_max_proto_version(both.client.native(), SSL_SESSION_get_protocol_version(session));
  EXPECT_EQ(SSL_set_session(both.client.native(), session), 1);
  EXPECT_TRUE(both.shake()) << both.client.failure() << both.server.failure();
  EXPECT_EQ(both.client.resumed(), both.server.resumed());
  EXPECT_EQ(both.server.host(), "a.example.com");
  EXPECT_EQ(both.to_the_server("again"), "again");
  both.client.shutdown();
  return both.server.resumed();
}

class Resumption : public testing::TestWithParam<int> {
 protected:
  Resumption() { one_.set_default(site_.certificate); }
  TestSite site_{{"a.example.com"}};
  TlsTicketKeys keys_ = test_keys();
  TlsServer one_{keys_, {}};
  TlsClient client_{site_.pem.chain, {}};
  SystemRandom random_;
};

TEST_P(Resumption, WorksOnEveryThreadsServerAndAfterAReload) {
  const SessionPtr session = first_session(client_, one_, GetParam());
  TlsServer two(keys_, {});
  two.set_default(TestSite({"a.example.com"}).certificate);  // renewed meanwhile
  EXPECT_TRUE(resumes(client_, two, session.get()));
}

TEST_P(Resumption, OutlivesRotationsOfTheKeysButNotAll) {
  const SessionPtr session = first_session(client_, one_, GetParam());
  TlsTicketKeys keys = keys_;
  for (std::size_t i = 1; i < limits::kTlsTicketKeys; ++i) {
    keys = keys.rotated(random_);
    one_.set_ticket_keys(keys);
    EXPECT_TRUE(resumes(client_, one_, session.get())) << i;
  }
  one_.set_ticket_keys(keys.rotated(random_));
  EXPECT_FALSE(resumes(client_, one_, session.get()));
}

TEST_P(Resumption, NeedsTheKeysOfTheProcess) {
  const SessionPtr session = first_session(client_, one_, GetParam());
  TlsServer stranger(test_keys(), {});
  stranger.set_default(site_.certificate);
  EXPECT_FALSE(resumes(client_, stranger, session.get()));
}

// As a router has them: a server a thread, one certificate and the keys for all.
TEST_P(Resumption, ThreadsServeSideBySideAndTakeEachOthersSessions) {
  const auto thread = [this](std::vector<SessionPtr>& made) {
    TlsServer server(keys_, {});
    TlsClient client(site_.pem.chain, {});
    server.set_default(site_.certificate);
    for (int i = 0; i < 20; ++i) made.push_back(first_session(client, server, GetParam()));
  };
  std::array<std::vector<SessionPtr>, 3> made;
  {
    std::vector<std::jthread> threads;
    for (auto& one : made) threads.emplace_back([&] { thread(one); });
  }
  for (const auto& sessions : made) EXPECT_TRUE(resumes(client_, one_, sessions.back().get()));
}

INSTANTIATE_TEST_SUITE_P(Versions, Resumption, testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& info) {
                           return info.param == TLS1_2_VERSION ? "Tls12" : "Tls13";
                         });

}  // namespace
}  // namespace nuri::net

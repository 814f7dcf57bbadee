#include "net/tls_session.h"

#include <gtest/gtest.h>

#include "net/openssl.h"
#include "net/test_tls.h"

namespace nuri::net {
namespace {

class TlsSessionTest : public testing::Test {
 protected:
  TlsSessionTest() { server_.set_default(site_.certificate); }
  TlsPair pair(std::string_view host = "a.example.com") {
    return {client_.connect(host), server_.accept()};
  }
  TestSite site_{{"a.example.com"}};
  TlsServer server_{test_keys(), {"h2", "http/1.1"}};
  TlsClient client_{site_.pem.chain, {"http/1.1"}};
};

TEST_F(TlsSessionTest, CarriesTextBothWays) {
  TlsPair both = pair();
  ASSERT_TRUE(both.shake()) << both.client.failure() << both.server.failure();
  EXPECT_EQ(both.server.host(), "a.example.com");
  EXPECT_EQ(both.server.alpn(), "http/1.1");
  EXPECT_EQ(both.client.alpn(), "http/1.1");
  EXPECT_EQ(both.server.version(), "TLSv1.3");
  EXPECT_FALSE(both.server.resumed());
  EXPECT_EQ(both.to_the_server("question"), "question");
  EXPECT_EQ(both.to_the_client("answer"), "answer");
}

TEST_F(TlsSessionTest, TakesWhatComesByteByByte) {
  TlsPair both = pair();
  ASSERT_TRUE(both.shake(1));
  EXPECT_EQ(both.to_the_server("question", 1), "question");
}

TEST_F(TlsSessionTest, WritesMoreThanARecord) {
  TlsPair both = pair();
  ASSERT_TRUE(both.shake());
  std::string big(1'000'000, 'x');
  for (std::size_t i = 0; i < big.size(); ++i) big[i] = static_cast<char>(i * 7 >> 3);
  EXPECT_TRUE(both.to_the_client(big) == big);
  EXPECT_TRUE(both.to_the_server(big, 1000) == big);
}

TEST_F(TlsSessionTest, ASmallSpaceLeavesTextPending) {
  TlsPair both = pair();
  ASSERT_TRUE(both.shake());
  ASSERT_TRUE(both.client.write("abcdef"));
  std::string waiting;
  move_output(both.client, waiting);
  std::string_view in = waiting;
  std::array<char, 4> space;
  EXPECT_EQ(both.server.read(in, space), 4U);
  EXPECT_TRUE(in.empty());
  EXPECT_TRUE(both.server.pending());
  EXPECT_FALSE(both.server.between_records());
  EXPECT_EQ(both.server.read(in, space), 2U);
  EXPECT_FALSE(both.server.pending());
  EXPECT_TRUE(both.server.between_records());
  EXPECT_EQ(both.server.read(in, space).error(), TlsStop::wants_input);
}

TEST_F(TlsSessionTest, TheEndIsSaidAndACutIsNotTheEnd) {
  TlsPair both = pair();
  ASSERT_TRUE(both.shake());
  std::string waiting;
  TlsStop stop{};
  ASSERT_TRUE(both.client.write("all"));
  move_output(both.client, waiting);
  EXPECT_EQ(TlsPair::read_all(both.server, waiting, stop), "all");
  EXPECT_EQ(stop, TlsStop::wants_input);  // the carrier's end would cut here
  both.client.shutdown();
  both.client.shutdown();
  move_output(both.client, waiting);
  EXPECT_EQ(TlsPair::read_all(both.server, waiting, stop), "");
  EXPECT_EQ(stop, TlsStop::end);
  EXPECT_EQ(both.to_the_client("still open this way"), "still open this way");
}

TEST_F(TlsSessionTest, GarbageIsNoHandshake) {
  const std::pair<std::string, std::string_view> cases[] = {
      {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "the peer speaks plain HTTP, not TLS"},
      {"SSH-2.0-OpenSSH_9.2\r\n", "what the peer sends is not TLS"},
  };
  for (const auto& [text, why] : cases) {
    TlsSession server = server_.accept();
    std::string_view in = text;
    EXPECT_EQ(server.handshake(in).error(), TlsStop::failed);
    EXPECT_EQ(server.failure(), why);
    EXPECT_EQ(server.handshake(in).error(), TlsStop::failed);
    EXPECT_FALSE(server.established());
  }
}

TEST_F(TlsSessionTest, ABrokenRecordFails) {
  TlsPair both = pair();
  ASSERT_TRUE(both.shake());
  ASSERT_TRUE(both.client.write("good"));
  std::string waiting;
  move_output(both.client, waiting);
  waiting.back() = static_cast<char>(waiting.back() ^ 1);
  TlsStop stop{};
  EXPECT_EQ(TlsPair::read_all(both.server, waiting, stop), "");
  EXPECT_EQ(stop, TlsStop::failed);
  EXPECT_TRUE(both.server.has_output());  // the alert
  move_output(both.server, both.to_client);
  TlsPair::read_all(both.client, both.to_client, stop);
  EXPECT_EQ(stop, TlsStop::failed);
  EXPECT_TRUE(both.client.failure().starts_with("the peer refused: ")) << both.client.failure();
}

TEST_F(TlsSessionTest, WhatCameBeforeAFailureIsDelivered) {
  TlsPair both = pair();
  ASSERT_TRUE(both.shake());
  ASSERT_TRUE(both.client.write("good"));
  std::string waiting;
  move_output(both.client, waiting);
  waiting += "nonsense that is no record at all";
  TlsStop stop{};
  EXPECT_EQ(TlsPair::read_all(both.server, waiting, stop), "good");
  EXPECT_EQ(stop, TlsStop::failed);
}

TEST_F(TlsSessionTest, AProtocolThatNobodySharesIsRefused) {
  TlsClient other(site_.pem.chain, {"spdy/1"});
  TlsPair both(other.connect("a.example.com"), server_.accept());
  EXPECT_FALSE(both.shake());
  EXPECT_EQ(both.server.failure(), "no protocol in common (ALPN)");
  EXPECT_EQ(both.client.failure(), "the peer refused: no application protocol");
}

TEST_F(TlsSessionTest, TheServersOrderOfCiphersCountsButForWhoWantsChacha) {
  const auto agreed = [this](int version, const char* suites, const char* ciphers) {
    TlsPair both = pair();
    SSL* client = both.client.native();
    SSL_set_max_proto_version(client, version);
    SSL_set_ciphersuites(client, suites);
    SSL_set_cipher_list(client, ciphers);
    return both.shake() ? std::string(both.server.cipher()) : both.server.failure();
  };
  constexpr auto kAes13 = "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256";
  constexpr auto kChacha13 = "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256";
  EXPECT_EQ(agreed(TLS1_3_VERSION, kAes13, "ALL"), "TLS_AES_128_GCM_SHA256");
  EXPECT_EQ(agreed(TLS1_3_VERSION, kChacha13, "ALL"), "TLS_CHACHA20_POLY1305_SHA256");
  EXPECT_EQ(agreed(TLS1_2_VERSION, "", "ECDHE+AESGCM"), "ECDHE-ECDSA-AES128-GCM-SHA256");
  EXPECT_EQ(agreed(TLS1_2_VERSION, "", "ECDHE+AES+SHA"), "no cipher in common");
}

TEST_F(TlsSessionTest, OldVersionsAreRefused) {
  TlsPair both = pair();
  SSL_set_min_proto_version(both.client.native(), TLS1_1_VERSION);
  SSL_set_max_proto_version(both.client.native(), TLS1_1_VERSION);
  SSL_set_security_level(both.client.native(), 0);
  SSL_set_cipher_list(both.client.native(), "ALL");
  EXPECT_FALSE(both.shake());
  EXPECT_EQ(both.server.failure(), "the peer's version of TLS is older than 1.2");
}

TEST_F(TlsSessionTest, RenegotiationIsRefused) {
  TlsPair both = pair();
  SSL_set_max_proto_version(both.client.native(), TLS1_2_VERSION);
  SSL_clear_options(both.client.native(), SSL_OP_NO_RENEGOTIATION);
  ASSERT_TRUE(both.shake());
  EXPECT_EQ(both.server.version(), "TLSv1.2");
  ASSERT_EQ(SSL_renegotiate(both.client.native()), 1);
  SSL_do_handshake(both.client.native());
  std::string waiting;
  TlsStop stop{};
  move_output(both.client, waiting);
  ASSERT_FALSE(waiting.empty());
  EXPECT_EQ(TlsPair::read_all(both.server, waiting, stop), "");
  move_output(both.server, waiting);
  TlsPair::read_all(both.client, waiting, stop);
  EXPECT_NE(both.client.failure(), "");  // a warning (no_renegotiation) that it cannot live with
}

// A flood of key updates, each of which asks for one back (RFC 8446 section 4.6.3).
TEST_F(TlsSessionTest, APeerThatReadsNoAnswersIsGivenUp) {
  TlsPair both = pair();
  ASSERT_TRUE(both.shake());
  TlsStop stop = TlsStop::wants_input;
  for (int i = 0; i < 10'000 && stop == TlsStop::wants_input; ++i) {
    ASSERT_EQ(SSL_key_update(both.client.native(), SSL_KEY_UPDATE_REQUESTED), 1);
    ASSERT_TRUE(both.client.write("x"));
    std::string waiting;
    move_output(both.client, waiting);
    TlsPair::read_all(both.server, waiting, stop);
  }
  EXPECT_EQ(stop, TlsStop::failed);
  EXPECT_EQ(both.server.failure(), "the peer asks for more answers than it reads");
}

}  // namespace
}  // namespace nuri::net

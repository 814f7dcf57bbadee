#include "net/certificate.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "net/test_authority.h"

namespace nuri::net {
namespace {

WallTime real_now() { return SystemClock().wall(); }

std::string refusal(std::string_view chain, std::string_view key) {
  try {
    Certificate::parse(chain, key);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::unprocessable);
    return error.message();
  }
  return "accepted";
}

TEST(Certificate, SaysWhatItIsFor) {
  const WallTime now = real_now();
  const PemPair pem =
      make_self_signed({"a.example.com", "*.b.example.com", "127.0.0.1", "::1"}, now, 240h);
  const auto made = Certificate::parse(pem.chain, pem.key);
  EXPECT_EQ(made->names(),
            (std::vector<std::string>{"a.example.com", "*.b.example.com", "127.0.0.1", "::1"}));
  EXPECT_TRUE(made->covers("a.example.com"));
  EXPECT_TRUE(made->covers("x.b.example.com"));
  EXPECT_FALSE(made->covers("x.y.b.example.com"));
  EXPECT_FALSE(made->covers("b.example.com"));
  EXPECT_FALSE(made->expired(now));
  EXPECT_FALSE(made->not_yet_valid(now));
  EXPECT_TRUE(made->expired(now + 241h));
  EXPECT_TRUE(made->not_yet_valid(now + -2h));
  EXPECT_EQ(made->issuer(), "CN = a.example.com");
  EXPECT_EQ(made->fingerprint(), Certificate::parse(pem.chain, pem.key)->fingerprint());
}

TEST(Certificate, TakesAChainInItsOrder) {
  const TestAuthority root("root"), middle("middle", &root);
  const PemPair pem = middle.issue("a.example.com");
  const auto parsed = Certificate::parse(pem.chain, pem.key);
  EXPECT_EQ(parsed->intermediates().size(), 1U);
  EXPECT_EQ(Certificate::parse(pem.chain + root.pem(), pem.key)->intermediates().size(), 2U);
  EXPECT_EQ(refusal(middle.pem() + pem.chain, pem.key),
            "the chain is in the wrong order: the key belongs to certificate number 2 (CN = "
            "a.example.com). Put the site's own certificate first, then its intermediates");
  const std::string leaf = pem.chain.substr(0, pem.chain.size() - middle.pem().size());
  EXPECT_EQ(refusal(leaf + root.pem() + middle.pem(), pem.key),
            "the chain is in the wrong order: certificate number 2 (CN = root) did not issue "
            "number 1 (CN = a.example.com, issued by CN = middle)");
}

TEST(Certificate, SaysWhatIsWrong) {
  const PemPair one = make_self_signed({"a"}, real_now(), 24h);
  const PemPair other = make_self_signed({"b"}, real_now(), 24h);
  EXPECT_TRUE(refusal("", one.key).starts_with("the certificate file has no certificate"));
  EXPECT_TRUE(refusal(one.key, one.key).starts_with("the certificate file has no certificate"));
  EXPECT_TRUE(refusal(one.chain, "").starts_with("the key file has no key"));
  EXPECT_TRUE(refusal(one.chain, one.chain).starts_with("the key file has no key"));
  EXPECT_TRUE(refusal(one.chain, other.key).starts_with("the key does not belong to the cert"));
  EXPECT_TRUE(refusal(one.chain.substr(0, 200), one.key).starts_with("certificate number 1 of"));
  EXPECT_TRUE(refusal(std::string(1 << 20, 'x'), one.key).starts_with("the certificate is over"));
}

TEST(Certificate, RefusesAnEncryptedKey) {
  const PemPair pem = make_self_signed({"a"}, real_now(), 24h);
  const BioPtr in(BIO_new_mem_buf(pem.key.data(), static_cast<int>(pem.key.size())));
  const KeyPtr key(PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr));
  const BioPtr out(BIO_new(BIO_s_mem()));
  ASSERT_EQ(PEM_write_bio_PKCS8PrivateKey(out.get(), key.get(), EVP_aes_256_cbc(), "word", 4,
                                          nullptr, nullptr),
            1);
  const char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  EXPECT_TRUE(refusal(pem.chain, {text, static_cast<std::size_t>(size)})
                  .starts_with("the key is encrypted with a pass phrase"));
}

TEST(Certificate, IsMadeForNamesOnly) {
  for (const char* name : {"", "A.example.com", "a..b", ".a", "a b", "x.*.example.com", "a,DNS:b"})
    EXPECT_THROW(make_self_signed({name}, real_now(), 24h), Error) << name;
  EXPECT_THROW(make_self_signed({}, real_now(), 24h), Error);
}

TEST(WildcardOf, IsOneLabel) {
  EXPECT_EQ(wildcard_of("a.example.com"), "*.example.com");
  EXPECT_EQ(wildcard_of("localhost"), "");
  EXPECT_EQ(wildcard_of(".com"), "");
  EXPECT_EQ(wildcard_of("a."), "");
}

}  // namespace
}  // namespace nuri::net

#include "acme/account_key.h"

#include <gtest/gtest.h>

#include "acme/certificate_request.h"
#include "base/encoding.h"
#include "base/error.h"
#include "base/json.h"

namespace nuri::acme {
namespace {

// The key of RFC 7515 appendix A.3.
constexpr std::string_view kKnown =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgjpsQnnGQmL+YBIff\n"
    "H1136cspYG6+0iY7X1fCE9+E9LKhRANCAAR/zc4ncPbEXUGDy+5v20t7WAczNXvp\n"
    "7xO6z248e9FURcfxRM0bvZt+hyzf7bnuufSzaV1uqQskrYpGIyiFiOWt\n"
    "-----END PRIVATE KEY-----\n";

TEST(AccountKey, IsDescribedAsTheStandardsDo) {
  const AccountKey key = AccountKey::parse(kKnown);
  EXPECT_EQ(key.jwk(),
            R"({"crv":"P-256","kty":"EC","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
            R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})");
  EXPECT_EQ(key.authorization_of("token"), "token." + key.thumbprint());
  EXPECT_EQ(AccountKey::parse(key.pem()).thumbprint(), key.thumbprint());
  EXPECT_NE(AccountKey::make().thumbprint(), key.thumbprint());
}

TEST(AccountKey, SignsForTheAccountOrWithTheKeyItself) {
  const AccountKey key = AccountKey::make();
  const auto head = [](const std::string& text) {
    const json::object jws = json::parse_object(text);
    EXPECT_EQ(decode_base64url(json::require_string(jws, "signature"))->size(), 64U);
    EXPECT_EQ(decode_base64url(json::require_string(jws, "payload")), "{}");
    return json::parse_object(*decode_base64url(json::require_string(jws, "protected")));
  };
  for (int i = 0; i < 50; ++i) {  // a number with a leading zero comes up once in 128
    const json::object first = head(key.sign("https://a/new", "n1", "", "{}"));
    EXPECT_EQ(json::serialize(first.at("jwk")), key.jwk());
    EXPECT_EQ(json::require_string(first, "nonce"), "n1");
  }
  const json::object later = head(key.sign("https://a/x", "n2", "https://a/account/1", "{}"));
  EXPECT_EQ(json::require_string(later, "kid"), "https://a/account/1");
  EXPECT_FALSE(later.contains("jwk"));
}

TEST(AccountKey, OtherKeysAreRefused) {
  EXPECT_THROW(AccountKey::parse(""), Error);
  EXPECT_THROW(AccountKey::parse("-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n"),
               Error);
}

TEST(CertificateRequest, IsForPublicNamesOnly) {
  EXPECT_FALSE(make_request({"a.example.com", "*.example.com"}).der.empty());
  for (const char* name : {"localhost", "A.example.com", "a..com", ".com", "a.com.", "a b.com",
                           "a.com,DNS:b.com", "*.", ""})
    EXPECT_THROW(make_request({name}), Error) << name;
  EXPECT_THROW(make_request({}), Error);
  EXPECT_THROW(make_request(std::vector<std::string>(101, "a.com")), Error);
}

}  // namespace
}  // namespace nuri::acme

#include "acme/account_key.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>

#include <array>

#include "base/assert.h"
#include "base/encoding.h"
#include "base/error.h"
#include "base/json.h"

namespace nuri::acme {
namespace {

constexpr std::size_t kCoordinateBytes = 32;
using NumberPtr = std::unique_ptr<BIGNUM, net::FreeWith<BN_free>>;

void require(bool good) {
  if (!good)
    throw Error(Code::internal, "cannot use the ACME account's key: " + net::take_openssl_error());
}

std::string padded(const BIGNUM* number) {
  std::array<unsigned char, kCoordinateBytes> bytes;
  require(BN_bn2binpad(number, bytes.data(), kCoordinateBytes) == kCoordinateBytes);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string coordinate(EVP_PKEY* key, const char* which) {
  BIGNUM* number = nullptr;
  require(EVP_PKEY_get_bn_param(key, which, &number) == 1);
  const NumberPtr owned(number);
  return base64url(padded(number));
}

bool is_p256(EVP_PKEY* key) {
  char group[32] = {};
  std::size_t size = 0;
  return EVP_PKEY_is_a(key, "EC") == 1 &&
         EVP_PKEY_get_group_name(key, group, sizeof group, &size) == 1 &&
         std::string_view(group) == "prime256v1";
}

}  // namespace

std::string sha256(std::string_view bytes) {
  std::array<unsigned char, 32> out;
  NURI_ASSERT(EVP_Digest(bytes.data(), bytes.size(), out.data(), nullptr, EVP_sha256(), nullptr) ==
              1);
  return {reinterpret_cast<const char*>(out.data()), out.size()};
}

AccountKey AccountKey::make() {
  net::KeyPtr key(EVP_EC_gen("P-256"));
  require(key != nullptr);
  return AccountKey(std::move(key));
}

AccountKey AccountKey::parse(std::string_view pem) {
  const net::BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const auto no_password = [](char*, int, int, void*) { return -1; };
  net::KeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr));
  ERR_clear_error();
  if (!key || !is_p256(key.get()))
    throw Error(Code::unprocessable,
                "the key of the ACME account is no P-256 key in PEM form; a new one means a new "
                "account");
  return AccountKey(std::move(key));
}

std::string AccountKey::pem() const {
  const net::BioPtr bio(BIO_new(BIO_s_mem()));
  require(PEM_write_bio_PKCS8PrivateKey(bio.get(), key_.get(), nullptr, nullptr, 0, nullptr,
                                        nullptr) == 1);
  const char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

std::string AccountKey::jwk() const {
  return R"({"crv":"P-256","kty":"EC","x":")" + coordinate(key_.get(), OSSL_PKEY_PARAM_EC_PUB_X) +
         R"(","y":")" + coordinate(key_.get(), OSSL_PKEY_PARAM_EC_PUB_Y) + R"("})";
}

std::string AccountKey::thumbprint() const { return base64url(sha256(jwk())); }

std::string AccountKey::sign(std::string_view url, std::string_view nonce, std::string_view account,
                             std::string_view payload) const {
  json::object head{{"alg", "ES256"}, {"nonce", nonce}, {"url", url}};
  if (account.empty())
    head["jwk"] = json::parse(jwk());
  else
    head["kid"] = account;
  const std::string protected_head = base64url(json::serialize(head));
  const std::string content = base64url(payload);
  const std::string text = protected_head + "." + content;

  const std::unique_ptr<EVP_MD_CTX, net::FreeWith<EVP_MD_CTX_free>> context(EVP_MD_CTX_new());
  std::array<unsigned char, 128> der;
  std::size_t size = der.size();
  require(EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) == 1 &&
          EVP_DigestSign(context.get(), der.data(), &size,
                         reinterpret_cast<const unsigned char*>(text.data()), text.size()) == 1);
  // JWS wants the two numbers side by side (RFC 7518 section 3.4), OpenSSL gives DER.
  const unsigned char* at = der.data();
  const std::unique_ptr<ECDSA_SIG, net::FreeWith<ECDSA_SIG_free>> signature(
      d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(size)));
  require(signature != nullptr);
  const std::string raw =
      padded(ECDSA_SIG_get0_r(signature.get())) + padded(ECDSA_SIG_get0_s(signature.get()));
  return json::serialize(json::object{
      {"protected", protected_head}, {"payload", content}, {"signature", base64url(raw)}});
}

}  // namespace nuri::acme

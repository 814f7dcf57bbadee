#pragma once

// AccountKey: the key that an account with a certificate authority is known by (ECDSA P-256), and
// what ACME signs with it (RFC 8555 section 6.2, RFC 7515). Secret; keep it: who has it may order
// and revoke the account's certificates.

#include <string>
#include <string_view>

#include "net/openssl.h"

namespace nuri::acme {

class AccountKey {
 public:
  static AccountKey make();
  // Throws Error{unprocessable} if `pem` is no P-256 key.
  static AccountKey parse(std::string_view pem);
  std::string pem() const;

  // RFC 7517, in the order that the thumbprint needs.
  std::string jwk() const;
  // RFC 7638, base64url.
  std::string thumbprint() const;
  // What proves that the account asked for a challenge (RFC 8555 section 8.1).
  std::string authorization_of(std::string_view token) const {
    return std::string(token) + "." + thumbprint();
  }
  // A signed request (flattened JWS, ES256) of `payload` for `url`. `account`: the account's URL;
  // empty before there is one, then the key itself stands in its place.
  std::string sign(std::string_view url, std::string_view nonce, std::string_view account,
                   std::string_view payload) const;

 private:
  explicit AccountKey(net::KeyPtr key) : key_(std::move(key)) {}
  net::KeyPtr key_;
};

// The 32 bytes themselves.
std::string sha256(std::string_view bytes);

}  // namespace nuri::acme

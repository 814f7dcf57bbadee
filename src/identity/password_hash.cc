#include "identity/password_hash.h"

#include <sodium.h>

#include "base/assert.h"
#include "base/digest.h"
#include "base/error.h"

namespace nuri::identity {

Argon2idHash::Argon2idHash() { NURI_ASSERT(sodium_init() >= 0); }

std::string Argon2idHash::hash(std::string_view password) {
  char out[crypto_pwhash_STRBYTES];
  if (crypto_pwhash_str(out, password.data(), password.size(), crypto_pwhash_OPSLIMIT_INTERACTIVE,
                        crypto_pwhash_MEMLIMIT_INTERACTIVE) != 0)
    throw Error(Code::unavailable, "hashing a password: not enough memory; try again later");
  return out;
}

bool Argon2idHash::verify(const std::string& hash, std::string_view password) {
  if (hash.size() >= crypto_pwhash_STRBYTES || !hash.starts_with("$argon2id$")) return false;
  return crypto_pwhash_str_verify(hash.c_str(), password.data(), password.size()) == 0;
}

std::string FakePasswordHash::hash(std::string_view password) {
  return "$fake$" + Digest::of(password).hex();
}

bool FakePasswordHash::verify(const std::string& hash, std::string_view password) {
  return hash == this->hash(password);
}

}  // namespace nuri::identity

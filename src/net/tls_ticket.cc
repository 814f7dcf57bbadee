#include "net/tls_ticket.h"

#include <openssl/core_names.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cstring>

#include "base/assert.h"
#include "base/limits.h"

namespace nuri::net {
namespace {

TlsTicketKeys::Key fresh(Random& random) {
  TlsTicketKeys::Key key;
  random.fill(key.name);
  random.fill(key.cipher);
  random.fill(key.mac);
  return key;
}

bool set_mac_key(EVP_MAC_CTX* mac, const TlsTicketKeys::Key& key) {
  char digest[] = "SHA256";
  const OSSL_PARAM params[] = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, const_cast<unsigned char*>(key.mac),
                                        sizeof key.mac),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_end()};
  return EVP_MAC_CTX_set_params(mac, params) == 1;
}

// Fetched once: the implicit fetch of EVP_aes_256_cbc() takes a lock each time.
const EVP_CIPHER* cipher_kind() {
  static const EVP_CIPHER* const kind = EVP_CIPHER_fetch(nullptr, "AES-256-CBC", nullptr);
  return kind;
}

}  // namespace

TlsTicketKeys TlsTicketKeys::make(Random& random) {
  TlsTicketKeys out;
  out.keys_.push_back(fresh(random));
  return out;
}

TlsTicketKeys TlsTicketKeys::rotated(Random& random) const {
  TlsTicketKeys out = make(random);
  const std::size_t kept = std::min(keys_.size(), limits::kTlsTicketKeys - 1);
  out.keys_.insert(out.keys_.end(), keys_.begin(),
                   keys_.begin() + static_cast<std::ptrdiff_t>(kept));
  return out;
}

int seal_or_open_ticket(const TlsTicketKeys& keys, SSL* ssl, unsigned char* name, unsigned char* iv,
                        EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac, bool seal) {
  constexpr int kFailed = -1, kUnknown = 0, kGood = 1, kGoodAndRenew = 2;
  const auto& all = keys.all();
  if (seal) {
    const TlsTicketKeys::Key& key = all.front();
    std::memcpy(name, key.name, sizeof key.name);
    if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(cipher_kind())) != 1) return kFailed;
    return EVP_EncryptInit_ex2(cipher, cipher_kind(), key.cipher, iv, nullptr) == 1 &&
                   set_mac_key(mac, key)
               ? kGood
               : kFailed;
  }
  const auto key = std::ranges::find_if(
      all, [&](const auto& one) { return std::memcmp(one.name, name, sizeof one.name) == 0; });
  if (key == all.end()) return kUnknown;
  if (EVP_DecryptInit_ex2(cipher, cipher_kind(), key->cipher, iv, nullptr) != 1 ||
      !set_mac_key(mac, *key))
    return kFailed;
  // A client uses a ticket of TLS 1.3 once (RFC 8446 appendix C.4), so it needs the next.
  const bool renew = key != all.begin() || SSL_version(ssl) == TLS1_3_VERSION;
  return renew ? kGoodAndRenew : kGood;
}

}  // namespace nuri::net

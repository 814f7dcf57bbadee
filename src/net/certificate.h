#pragma once

// Certificate: a chain and its key, parsed and checked. Immutable; any thread, also at once.

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/digest.h"

struct x509_st;
struct evp_pkey_st;

namespace nuri::net {

class Certificate {
 public:
  // Throws Error{unprocessable} that says what is wrong and what to do: no certificate or key in
  // the PEM text, an encrypted key, a key of another certificate, a wrong order, a weak key, no
  // names. Dates are not checked: see expired().
  static std::shared_ptr<const Certificate> parse(std::string_view chain_pem,
                                                  std::string_view key_pem);
  ~Certificate();
  Certificate(const Certificate&) = delete;
  Certificate& operator=(const Certificate&) = delete;

  // Its subject alternative names: DNS names in lower case, "*.example.com", and addresses.
  const std::vector<std::string>& names() const { return names_; }
  // Whether one of the names is `host` (lower case), or its wildcard (RFC 6125: one label).
  bool covers(std::string_view host) const;
  WallTime not_before() const { return not_before_; }
  WallTime not_after() const { return not_after_; }
  bool expired(WallTime now) const { return now > not_after_; }
  bool not_yet_valid(WallTime now) const { return now < not_before_; }
  // Of the first certificate's DER form.
  const Digest& fingerprint() const { return fingerprint_; }
  const std::string& issuer() const { return issuer_; }  // "CN = R11, O = Let's Encrypt"

  // The first certificate, those after it, the key: borrowed.
  x509_st* leaf() const { return chain_.front(); }
  std::span<x509_st* const> intermediates() const { return std::span(chain_).subspan(1); }
  evp_pkey_st* key() const { return key_; }

 private:
  Certificate() = default;
  std::vector<x509_st*> chain_;
  evp_pkey_st* key_ = nullptr;
  std::vector<std::string> names_;
  WallTime not_before_, not_after_;
  Digest fingerprint_;
  std::string issuer_;
};

struct PemPair {
  std::string chain;
  std::string key;
};

// A certificate that signs itself (ECDSA P-256), valid from an hour before `now` to `validity`
// after it, for DNS names (wildcards too) and addresses: for tests and until a real one is there.
// Clients trust it when it is their bundle (curl --cacert). Throws Error if `names` is empty or one
// is malformed.
PemPair make_self_signed(const std::vector<std::string>& names, WallTime now, Duration validity);

// "a.b.example.com" → "*.b.example.com": the wildcard that covers it; empty if it has one label.
std::string wildcard_of(std::string_view host);

}  // namespace nuri::net

#pragma once

// Certificates that the router shows to clients, and how those of an authority are come by.

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "model/fields.h"
#include "model/guids.h"

namespace nuri::model {

enum class CertificateOrigin { uploaded, authority, self_signed };
constexpr auto enum_names(CertificateOrigin) {
  return std::array<std::string_view, 3>{"uploaded", "authority", "self_signed"};
}

// One chain and its key. For a host that several cover, the nearest name counts (the host itself
// before its wildcard), then uploaded before authority before self_signed, then the one that ends
// last.
struct Certificate {
  CertificateGuid guid;
  CertificateOrigin origin = CertificateOrigin::uploaded;
  std::vector<std::string> names;  // lower case, "*.example.com" too: the chain's own, not empty
  std::string chain;               // PEM
  std::string key;                 // PEM; secret: never leaves by the API
  WallTime not_before, not_after;  // of the chain's first certificate
  WallTime created_at, updated_at;
  friend bool operator==(const Certificate&, const Certificate&) = default;
  static constexpr auto fields() {
    return std::tuple{field("guid", &Certificate::guid),
                      field("origin", &Certificate::origin),
                      field("names", &Certificate::names),
                      field("chain", &Certificate::chain),
                      field("key", &Certificate::key),
                      field("not_before", &Certificate::not_before),
                      field("not_after", &Certificate::not_after),
                      field("created_at", &Certificate::created_at),
                      field("updated_at", &Certificate::updated_at)};
  }
};

// How it stands with asking an authority for a certificate for `name`: one row a name that was
// asked for, whatever came of it.
struct CertificateOrder {
  CertificateOrderGuid guid;
  std::string name;             // what the certificate is for: a host, or "*.example.com"
  CertificateGuid certificate;  // the one that came; empty: none yet, or it was deleted
  int failures = 0;             // in a row, since the last success
  std::string error;            // of the last failure: what was tried, what to do; empty: none
  std::optional<WallTime> last_failure;
  std::optional<WallTime> not_earlier;  // the authority's word on the next attempt
  WallTime created_at, updated_at;
  friend bool operator==(const CertificateOrder&, const CertificateOrder&) = default;
  static constexpr auto fields() {
    return std::tuple{field("guid", &CertificateOrder::guid),
                      field("name", &CertificateOrder::name),
                      field("certificate_guid", &CertificateOrder::certificate),
                      field("failures", &CertificateOrder::failures),
                      field("error", &CertificateOrder::error),
                      field("last_failure", &CertificateOrder::last_failure),
                      field("not_earlier", &CertificateOrder::not_earlier),
                      field("created_at", &CertificateOrder::created_at),
                      field("updated_at", &CertificateOrder::updated_at)};
  }
};

// What Nuri is known by at an authority.
struct AcmeAccount {
  AcmeAccountGuid guid;
  std::string directory;  // URL; one account each
  std::string key;        // PEM; secret
  WallTime created_at, updated_at;
  friend bool operator==(const AcmeAccount&, const AcmeAccount&) = default;
  static constexpr auto fields() {
    return std::tuple{field("guid", &AcmeAccount::guid),
                      field("directory", &AcmeAccount::directory), field("key", &AcmeAccount::key),
                      field("created_at", &AcmeAccount::created_at),
                      field("updated_at", &AcmeAccount::updated_at)};
  }
};

}  // namespace nuri::model

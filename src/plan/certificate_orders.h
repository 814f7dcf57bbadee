#pragma once

// Which certificates to ask an authority for: pure.

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "model/certificate.h"
#include "model/routing.h"

namespace nuri::plan {

struct CertificateRows {
  std::vector<model::Domain> domains;
  std::vector<model::Route> routes;              // those that lead to an app
  std::vector<model::Certificate> certificates;  // chain and key are not looked at
  std::vector<model::CertificateOrder> orders;
};

// How names can be proved, and to whom.
struct CertificateMeans {
  bool dns = false;              // wildcards too
  bool local_authority = false;  // it vouches for names below localhost
};

// One certificate to ask for now.
struct CertificateWish {
  std::string name;                // CertificateOrder's: a host, or "*.example.com"
  std::vector<std::string> names;  // that the certificate is to carry
  friend bool operator==(const CertificateWish&, const CertificateWish&) = default;
};

struct CertificatePlan {
  std::vector<CertificateWish> ask;  // those without a certificate first, then who waited longest
  std::vector<CertificateOrderGuid> drop_orders;
  std::vector<CertificateGuid> drop_certificates;
  std::size_t left_out = 0;       // names that limits::kCertificates has no room for
  std::optional<WallTime> again;  // when time alone changes the plan; after `now`
};

// Certificates are for the hosts of HTTP routes that the world can reach: one a host, or, where DNS
// proves, one a domain, for it and its wildcard. Not for internal domains, single labels and
// addresses; below localhost only from an authority that is there itself. A host that an uploaded
// certificate covers needs none while that is valid. When: next_attempt(); a failure that lies in
// the future, as the clock was wrong, counts as none.
//
// An order whose name nothing wants any more goes when its certificate has expired and its wait
// after a failure is over: a route that comes back in between costs the authority nothing, and one
// that comes and goes hurries nothing. So do certificates of the authority without an order.
CertificatePlan certificate_orders(const CertificateRows& rows, WallTime now,
                                   const CertificateMeans& means);

// Whether `host` is localhost or below it (RFC 6761 section 6.3).
bool is_local_name(std::string_view host);

}  // namespace nuri::plan

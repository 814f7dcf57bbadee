#pragma once

// What a certificate authority is asked to sign (PKCS #10, RFC 2986).

#include <string>
#include <vector>

namespace nuri::acme {

struct CertificateRequest {
  std::string der;
  std::string key_pem;  // a new P-256 key
};

// For DNS names, wildcards too. Throws Error{unprocessable} if one is none, or there are none or
// more than limits::kAcmeNames.
CertificateRequest make_request(const std::vector<std::string>& names);

}  // namespace nuri::acme

#pragma once

// TlsClient: the client's side of TLS: who is trusted, what is offered. A peer must show a chain to
// a trusted root and a certificate for the name that was asked for; there is no way to turn that
// off. One thread's.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/tls_session.h"

namespace nuri::net {

class TlsClient {
 public:
  // Trusts the system's roots: SSL_CERT_FILE and SSL_CERT_DIR if they are set, else the places
  // that OpenSSL was built with (Debian: /etc/ssl/certs). `alpn`: offered, best first.
  explicit TlsClient(std::vector<std::string> alpn = {"http/1.1"});
  // Trusts the certificates in `roots_pem` alone. Throws Error{unprocessable} if there are none.
  TlsClient(std::string_view roots_pem, std::vector<std::string> alpn);
  // Must outlive the handshakes of its sessions.
  ~TlsClient();
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  // A session with `host`, a name or an address: what the peer's certificate must be for.
  TlsSession connect(std::string_view host);

 private:
  struct Settings;
  std::unique_ptr<Settings> settings_;
};

}  // namespace nuri::net

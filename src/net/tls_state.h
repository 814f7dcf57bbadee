#pragma once

// What is behind a TlsSession. For the files of TLS only.

#include "net/certificate.h"
#include "net/openssl.h"
#include "net/tls_session.h"

namespace nuri::net {

struct TlsSession::State {
  // OpenSSL's end of it, with a BIO that reads `in` and writes `out`. Null if memory is out.
  static std::unique_ptr<State> make(SSL_CTX* context);
  static State& of(const SSL* ssl) { return *static_cast<State*>(SSL_get_app_data(ssl)); }
  // Why the last call failed, from OpenSSL's queue.
  TlsStop fail(int result);

  std::string_view in;
  std::string out;
  std::size_t unasked = 0;  // bytes in `out` that no write() made
  bool writing = false;
  bool established = false;
  bool failed = false;
  bool untrusted = false;
  std::string failure;
  std::string host;
  std::shared_ptr<const Certificate> chosen;  // of a server, between its hello and the certificate
  SslPtr ssl;                                 // last: goes first
};

// The settings that both sides share: versions, ciphers, groups, modes. Throws Error.
SslContextPtr make_tls_context(const SSL_METHOD* method);

}  // namespace nuri::net

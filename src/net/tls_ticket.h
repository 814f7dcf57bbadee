#pragma once

// Sealing and opening of session tickets with a server's keys. For the files of TLS only.

#include "net/openssl.h"
#include "net/tls_server.h"

namespace nuri::net {

// What OpenSSL's ticket callback must do (SSL_CTX_set_tlsext_ticket_key_evp_cb(3)).
int seal_or_open_ticket(const TlsTicketKeys& keys, SSL* ssl, unsigned char* name, unsigned char* iv,
                        EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac, bool seal);

}  // namespace nuri::net

#pragma once

#include "net/certificate.h"

namespace nuri::net {

// The chain and the key as PEM again, each alone and nothing else: what a file held besides (the
// key behind the chain, comments, parameters) is not in it. The key is PKCS #8, not encrypted.
// Throws Error{internal} if OpenSSL cannot.
PemPair pem_of(const Certificate& certificate);

}  // namespace nuri::net

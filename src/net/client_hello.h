#pragma once

// What a client says in the first message of a handshake. For the files of TLS only.

#include <string>

struct ssl_st;

namespace nuri::net {

// The host of the server_name extension (RFC 6066 section 3), lower case, without a final dot;
// empty if there is none or it is no host name. Only inside OpenSSL's client-hello callback.
std::string host_of_hello(ssl_st* ssl);

}  // namespace nuri::net

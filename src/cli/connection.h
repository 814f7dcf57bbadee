#pragma once

// The way to a session's API: sockets, and for https TLS that trusts what the session says. One
// loop's thread.

#include <memory>

#include "async/blocking_pool.h"
#include "cli/session.h"
#include "http/client.h"

namespace nuri::cli {

class Connection {
 public:
  // `loop` and `pool` outlive it. Throws Error if what the session trusts cannot be used. Reads
  // the system's roots: blocking.
  Connection(async::Loop& loop, async::BlockingPool& pool, const Session& session);

  http::Client& client() { return client_; }

 private:
  std::unique_ptr<net::TlsClient> tls_;  // null: the API is spoken to in the clear
  http::SocketDialer dialer_;
  http::Client client_;
};

// Of what a request to `api` failed with, `why` being the dialer's word on it: what to do about it.
Error connection_error(IoError error, std::string_view api, std::string_view why = {});

// Throws Error naming the other address if the answer is only that `api` is elsewhere, as before
// an API that is served over https alone. No token follows there.
void refuse_redirect(const http::ClientResponse& answer, std::string_view api);

// The text of a file of certificates in PEM form. Throws Error naming the file: if it cannot be
// read, or has none.
std::string read_roots(const std::string& path);

}  // namespace nuri::cli

#pragma once

// The server's part that gets certificates of an authority, put together.

#include <memory>

#include "control/acme_issuer.h"
#include "control/certificate_keeper.h"
#include "main/acme_settings.h"

namespace nuri {

class AuthorityCertificates {
 public:
  // All outlive it. `responder` answers at port 80 of every host.
  AuthorityCertificates(async::Loop& loop, store::LiveStore& store, Random& random,
                        const AcmeSettings& settings, acme::ChallengeResponder& responder);
  // Until cancelled.
  Task<void> run() { return keeper_.run(); }

 private:
  control::AcmeIssuerParts issuer_parts(store::LiveStore& store, Random& random,
                                        const AcmeSettings& settings,
                                        acme::ChallengeResponder& responder);

  // Of its own: a resolver that hangs must not hold up the store.
  async::ThreadPool names_;
  net::TlsClient trust_;
  http::SocketDialer dialer_;
  http::Client client_;
  acme::ClientFetcher fetcher_;
  std::unique_ptr<acme::Solver> solver_;
  control::AcmeIssuer issuer_;
  control::CertificateKeeper keeper_;
};

}  // namespace nuri

#pragma once

// AcmeIssuer: certificates of an authority that speaks ACME, to an account that is made once and
// kept before it is used.

#include <optional>

#include "acme/order.h"
#include "acme/preflight.h"
#include "async/event.h"
#include "control/certificate_issuer.h"
#include "store/live_store.h"

namespace nuri::control {

// What is tried before the authority is asked, for proofs by HTTP.
struct AcmeProbe {
  acme::ChallengeResponder& responder;
  acme::Fetcher& fetcher;
  std::uint16_t port;  // at which names lead here
};

struct AcmeIssuerParts {
  store::LiveStore& store;
  http::Client& client;
  acme::Solver& solver;
  Random& random;
  std::string directory;  // URL
  std::vector<std::string> contacts;
  std::optional<AcmeProbe> probe;
};

class AcmeIssuer final : public CertificateIssuer {
 public:
  explicit AcmeIssuer(AcmeIssuerParts parts) : parts_(std::move(parts)) {}
  Task<Issued> issue(std::vector<std::string> names) override;

 private:
  Task<void> probe(std::vector<std::string> names);
  Task<acme::AccountKey> account_key();
  Task<void> enter(acme::Authority& authority);
  Task<net::PemPair> order(acme::Authority& authority, const acme::AccountKey& key,
                           std::vector<std::string> names);

  AcmeIssuerParts parts_;
  bool entering_ = false;  // one at a time: the first makes the account
  async::Event entered_;
};

}  // namespace nuri::control

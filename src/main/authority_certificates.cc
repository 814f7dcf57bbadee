#include "main/authority_certificates.h"

#include "base/limits.h"

namespace nuri {
namespace {

std::unique_ptr<acme::Solver> solver_for(async::Loop& loop, const AcmeSettings& settings,
                                         acme::ChallengeResponder& responder) {
  if (settings.hook.empty()) return std::make_unique<acme::HttpSolver>(responder);
  return std::make_unique<acme::DnsHook>(loop, settings.hook);
}

plan::CertificateMeans means_of(const AcmeSettings& settings) {
  return {.dns = !settings.hook.empty(), .local_authority = plan::is_local_name(settings.host())};
}

}  // namespace

AuthorityCertificates::AuthorityCertificates(async::Loop& loop, store::LiveStore& store,
                                             Random& random, const AcmeSettings& settings,
                                             acme::ChallengeResponder& responder)
    : names_(limits::kCertificateOrdersAtOnce, limits::kBlockingQueue),
      dialer_(loop, &names_, &trust_),
      client_(loop, dialer_),
      fetcher_(client_),
      solver_(solver_for(loop, settings, responder)),
      issuer_(issuer_parts(store, random, settings, responder)),
      keeper_({loop, store, issuer_, random, means_of(settings)}) {}

control::AcmeIssuerParts AuthorityCertificates::issuer_parts(store::LiveStore& store,
                                                             Random& random,
                                                             const AcmeSettings& settings,
                                                             acme::ChallengeResponder& responder) {
  std::optional<control::AcmeProbe> probe;
  if (settings.hook.empty() && settings.http_port != 0)
    probe.emplace(responder, fetcher_, settings.http_port);
  return {store, client_, *solver_, random, settings.directory, settings.emails, probe};
}

}  // namespace nuri

#include "router/served_certificates.h"

#include "async/deadline.h"
#include "base/error.h"
#include "base/log.h"

namespace nuri::router {
namespace {

constexpr Duration kSelfSigned = 24h * 365;
constexpr Duration kRotation = 4h;

std::shared_ptr<const net::Certificate> self_signed() {
  const auto pem =
      net::make_self_signed({"localhost", "*.localhost"}, SystemClock().wall(), kSelfSigned);
  return net::Certificate::parse(pem.chain, pem.key);
}

}  // namespace

void ServedCertificates::follow(const TableChange& change) {
  ByHost changed;
  for (const auto& id : change.remove_certificates) forget(id, changed);
  for (const auto& told : change.put_certificates) forget(told.id, changed);
  for (const auto& told : change.put_certificates) take(told, changed);
  tell(changed);
}

void ServedCertificates::serve_without_any() {
  if (!otherwise_) otherwise_ = self_signed();
  if (!served_.contains("")) tell({{"", nullptr}});
}

void ServedCertificates::forget(const std::string& id, ByHost& changed) {
  const auto hosts = hosts_.find(id);
  if (hosts == hosts_.end()) return;
  for (const auto& host : hosts->second) {
    served_.erase(host);
    changed[host] = nullptr;
  }
  hosts_.erase(hosts);
}

void ServedCertificates::take(const model::TableCertificate& told, ByHost& changed) {
  try {
    const auto certificate = net::Certificate::parse(told.chain, told.key);
    for (const auto& host : told.hosts) {
      if (!served_.emplace(host, told.id).second) continue;
      hosts_[told.id].push_back(host);
      changed[host] = certificate;
    }
  } catch (const Error& error) {
    log_error("a certificate cannot be used and is not served",
              {{"certificate", told.id}, {"error", error.message()}});
  }
}

void ServedCertificates::tell(const ByHost& changed) {
  for (auto& worker : workers_)
    for (const auto& [host, certificate] : changed)
      worker->put_certificate(host, !certificate && host.empty() ? otherwise_ : certificate);
}

net::TlsTicketKeys ServedCertificates::first_keys() {
  SystemRandom kernel;
  return net::TlsTicketKeys::make(kernel);
}

Task<void> ServedCertificates::rotate_keys(net::TlsTicketKeys keys) {
  SystemRandom kernel;
  while (co_await async::sleep(kRotation)) {
    keys = keys.rotated(kernel);
    for (auto& worker : workers_) worker->set_ticket_keys(keys);
  }
}

}  // namespace nuri::router

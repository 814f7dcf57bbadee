#include "control/acme_issuer.h"

#include <exception>

#include "async/deadline.h"
#include "base/error.h"
#include "base/limits.h"
#include "model/certificate.h"

namespace nuri::control {
namespace {

using AccountQuery = store::Query<model::AcmeAccount>;

}  // namespace

Task<void> AcmeIssuer::probe(std::vector<std::string> names) {
  if (!parts_.probe) co_return;
  for (const std::string& name : names)
    if (auto wrong = co_await acme::preflight(name, parts_.probe->port, parts_.probe->responder,
                                              parts_.probe->fetcher, parts_.random))
      throw Error(Code::unprocessable, std::move(*wrong));
}

Task<acme::AccountKey> AcmeIssuer::account_key() {
  model::AcmeAccount fresh;
  fresh.guid = AcmeAccountGuid::make(parts_.random);
  fresh.directory = parts_.directory;
  fresh.key = acme::AccountKey::make().pem();
  fresh.created_at = fresh.updated_at = (co_await async::current_scope()).loop().wall();
  const std::string pem = co_await parts_.store.write([fresh](store::Writer& tx) {
    const auto found =
        tx.first(AccountQuery().where(&model::AcmeAccount::directory, fresh.directory));
    if (found) return found->key;
    tx.insert(fresh);
    return fresh.key;
  });
  co_return acme::AccountKey::parse(pem);
}

Task<void> AcmeIssuer::enter(acme::Authority& authority) {
  while (entering_)
    if (auto waited = co_await entered_.wait(); !waited)
      throw error_of(waited.error(), "wait for the account with the certificate authority");
  entering_ = true;
  std::exception_ptr failed;
  try {
    co_await authority.enter(parts_.contacts);
  } catch (const std::exception&) {
    failed = std::current_exception();
  }
  entering_ = false;
  entered_.pulse();
  if (failed) std::rethrow_exception(failed);
}

Task<net::PemPair> AcmeIssuer::order(acme::Authority& authority, const acme::AccountKey& key,
                                     std::vector<std::string> names) {
  co_await async::within(limits::kAcmeOrderDeadline, enter(authority));
  co_return co_await acme::obtain(authority, key, parts_.solver, std::move(names));
}

Task<Issued> AcmeIssuer::issue(std::vector<std::string> names) {
  Issued out;
  try {
    co_await probe(names);
    const acme::AccountKey key = co_await account_key();
    acme::Authority authority(parts_.client, key, parts_.directory);
    std::exception_ptr failed;
    try {
      out.pem = co_await order(authority, key, std::move(names));
    } catch (const std::exception&) {
      failed = std::current_exception();
    }
    if (failed) {
      out.asked_to_wait = authority.asked_to_wait();
      std::rethrow_exception(failed);
    }
  } catch (const std::exception& error) {
    out.error = error.what();
  }
  co_return out;
}

}  // namespace nuri::control

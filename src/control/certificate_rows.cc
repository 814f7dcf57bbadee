#include "control/certificate_rows.h"

#include <fmt/format.h>

#include <set>

#include "base/error.h"
#include "base/limits.h"
#include "control/certificate_row.h"
#include "plan/renewal.h"

namespace nuri::control {
namespace {

using store::Query;

// Restarts in a row ask for a name once in this time at most.
constexpr Duration kGivenUpWait = std::chrono::minutes(1);

model::Certificate certificate_of(const net::PemPair& pem, const CertificateGuid& guid,
                                  WallTime now) {
  if (pem.chain.size() > limits::kCertificateChainBytes ||
      pem.key.size() > limits::kCertificateKeyBytes)
    throw Error(Code::too_large,
                fmt::format("the authority's chain has {} bytes, over the limit of {}",
                            pem.chain.size(), limits::kCertificateChainBytes));
  const auto parsed = net::Certificate::parse(pem.chain, pem.key);
  model::Certificate out = certificate_row(*parsed, pem, model::CertificateOrigin::authority);
  out.guid = guid;
  out.created_at = out.updated_at = now;
  return out;
}

// Its row, or what to insert as it.
std::pair<model::CertificateOrder, bool> find_order(store::Writer& tx,
                                                    const model::CertificateOrder& before) {
  if (auto row = tx.find(before.guid)) return {std::move(*row), true};
  model::CertificateOrder made = before;
  if (!made.certificate.empty() && !tx.find(made.certificate)) made.certificate = {};
  return {std::move(made), false};
}

void keep_order(store::Writer& tx, const model::CertificateOrder& order, bool is_there) {
  if (is_there)
    tx.update(order);
  else
    tx.insert(order);
}

}  // namespace

plan::CertificateRows load_certificate_rows(store::Reader& reader) {
  plan::CertificateRows out;
  out.domains = reader.all(Query<model::Domain>());
  std::set<RouteGuid> used;
  for (const auto& one : reader.all(Query<model::Destination>())) used.insert(one.route);
  out.routes = reader.all(Query<model::Route>());
  std::erase_if(out.routes, [&](const auto& route) { return !used.contains(route.guid); });
  out.certificates = reader.all(Query<model::Certificate>());
  for (auto& one : out.certificates) one.chain = one.key = std::string();
  out.orders = reader.all(Query<model::CertificateOrder>());
  return out;
}

void write_drops(store::Writer& tx, const plan::CertificatePlan& plan) {
  for (const auto& guid : plan.drop_orders)
    if (tx.find(guid)) tx.erase(guid);
  for (const auto& guid : plan.drop_certificates)
    if (tx.find(guid)) tx.erase(guid);
}

model::CertificateOrder write_begin(store::Writer& tx, const std::string& name,
                                    const CertificateOrderGuid& made, WallTime now) {
  auto found =
      tx.first(Query<model::CertificateOrder>().where(&model::CertificateOrder::name, name));
  model::CertificateOrder before;
  if (found) {
    before = std::move(*found);
  } else {
    before.guid = made;
    before.name = name;
    before.created_at = now;
  }
  model::CertificateOrder row = before;
  ++row.failures;
  row.last_failure = now;
  row.not_earlier.reset();
  row.error =
      fmt::format("an attempt that began at {} is under way, or was cut short", rfc3339(now));
  row.updated_at = now;
  keep_order(tx, row, found.has_value());
  return before;
}

AttemptEnd end_of(const Issued& issued, const CertificateGuid& made, WallTime now) {
  AttemptEnd out;
  out.error = issued.error;
  if (issued.asked_to_wait > Duration(0)) out.not_earlier = now + issued.asked_to_wait;
  if (issued.pem.chain.empty()) return out;
  try {
    out.certificate = certificate_of(issued.pem, made, now);
  } catch (const Error& error) {
    out.error = fmt::format("the authority's certificate cannot be used: {}", error.message());
    return out;
  }
  const auto& [from, to] = std::pair(out.certificate->not_before, out.certificate->not_after);
  if (plan::next_attempt({.current = {{from, to}}}) <= now)
    out.error = fmt::format(
        "the authority's certificate is valid from {} to {}, but by this machine's clock it is {}: "
        "check the clock",
        rfc3339(from), rfc3339(to), rfc3339(now));
  return out;
}

void write_end(store::Writer& tx, const model::CertificateOrder& before, const AttemptEnd& end,
               WallTime now) {
  auto [row, is_there] = find_order(tx, before);
  const CertificateGuid old = row.certificate;
  row.error = end.error;
  row.not_earlier = end.not_earlier;
  row.failures = end.error.empty() ? 0 : before.failures + 1;
  row.last_failure = end.error.empty() ? std::nullopt : std::optional(now);
  row.updated_at = now;
  if (end.certificate) {
    tx.insert(*end.certificate);
    row.certificate = end.certificate->guid;
  }
  keep_order(tx, row, is_there);
  if (end.certificate && !old.empty()) tx.erase(old);
}

void write_given_up(store::Writer& tx, const model::CertificateOrder& before, WallTime now) {
  auto [row, is_there] = find_order(tx, before);
  row.failures = before.failures;
  row.last_failure = before.last_failure;
  row.error = before.error;
  row.not_earlier = now + kGivenUpWait;
  row.updated_at = now;
  keep_order(tx, row, is_there);
}

}  // namespace nuri::control

#include "control/self_signed.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "control/certificate_row.h"

namespace nuri::control {
namespace {

using model::CertificateOrigin;

constexpr Duration kLife = 24h * 397;    // as long as browsers let any last
constexpr Duration kRenewal = 24h * 30;  // before its end

bool covers(const model::Certificate& row, const std::vector<std::string>& names) {
  return std::ranges::all_of(names, [&](const std::string& name) {
    return std::ranges::find(row.names, name) != row.names.end();
  });
}

model::Certificate make(const std::vector<std::string>& names, WallTime now, Random& random) {
  net::PemPair pem = net::make_self_signed(names, now, kLife);
  const auto parsed = net::Certificate::parse(pem.chain, pem.key);
  model::Certificate row = certificate_row(*parsed, std::move(pem), CertificateOrigin::self_signed);
  row.guid = CertificateGuid::make(random);
  row.created_at = row.updated_at = now;
  return row;
}

}  // namespace

void ensure_self_signed(store::Store& store, const std::string& domain, WallTime now,
                        Random& random) {
  const std::vector<std::string> names{domain, "*." + domain};
  store.write([&](store::Writer& tx) {
    auto rows = tx.all(store::Query<model::Certificate>().where(&model::Certificate::origin,
                                                                CertificateOrigin::self_signed));
    std::erase_if(rows, [&](const auto& row) { return !covers(row, names); });
    if (std::ranges::any_of(rows, [&](const auto& row) { return row.not_after > now + kRenewal; }))
      return;
    for (const auto& row : rows) tx.erase(row.guid);
    tx.insert(make(names, now, random));
  });
}

}  // namespace nuri::control

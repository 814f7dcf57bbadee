#include "plan/certificates.h"

#include <algorithm>
#include <map>
#include <string>
#include <tuple>

namespace nuri::plan {
namespace {

bool comes_first(const model::Certificate& a, const model::Certificate& b) {
  return std::tuple(a.origin, b.not_after, a.guid) < std::tuple(b.origin, a.not_after, b.guid);
}

bool is_default(const model::Certificate& row, std::string_view domain) {
  return row.origin == model::CertificateOrigin::self_signed &&
         std::ranges::find(row.names, domain) != row.names.end();
}

}  // namespace

std::vector<model::TableCertificate> table_certificates(std::vector<model::Certificate> rows,
                                                        std::string_view domain) {
  std::ranges::sort(rows, comes_first);
  std::map<std::string, const model::Certificate*, std::less<>> shown;
  for (const auto& row : rows) {
    for (const auto& name : row.names) shown.emplace(name, &row);
    if (is_default(row, domain)) shown.emplace("", &row);
  }
  std::map<CertificateGuid, model::TableCertificate> by_guid;
  for (const auto& [host, row] : shown) {
    auto& told = by_guid[row->guid];
    told.hosts.push_back(host);
    if (!told.id.empty()) continue;
    told.id = row->guid.str();
    told.chain = row->chain;
    told.key = row->key;
  }
  std::vector<model::TableCertificate> out;
  for (auto& [guid, told] : by_guid) out.push_back(std::move(told));
  return out;
}

}  // namespace nuri::plan

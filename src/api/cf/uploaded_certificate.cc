#include "api/cf/uploaded_certificate.h"

#include <fmt/format.h>

#include <set>

#include "api/cf/certificate_rows.h"
#include "control/certificate_row.h"
#include "net/certificate_pem.h"

namespace nuri::api {
namespace {

using model::Certificate;
using store::Query;

[[noreturn]] void refuse(std::string message) {
  throw Error(Code::unprocessable, std::move(message));
}

void check_dates(const net::Certificate& certificate, WallTime now) {
  if (certificate.expired(now))
    refuse(fmt::format("the certificate expired on {}: no client would trust it. Get a new one",
                       rfc3339(certificate.not_after())));
  if (certificate.not_yet_valid(now))
    refuse(
        fmt::format("the certificate is valid from {} only, and here it is {}: give it then, or "
                    "set the server's clock",
                    rfc3339(certificate.not_before()), rfc3339(now)));
}

void check_size(std::string_view what, const std::string& pem, std::size_t most) {
  if (pem.size() > most)
    refuse(fmt::format("the {} has {} KiB, more than the {} that there may be", what,
                       pem.size() / limits::kKiB + 1, most / limits::kKiB));
}

std::set<std::string_view> set_of(const std::vector<std::string>& names) {
  return {names.begin(), names.end()};
}

// Whatever the order of its names.
std::optional<Certificate> uploaded_for(store::Reader& reader,
                                        const std::vector<std::string>& names) {
  const auto wanted = set_of(names);
  std::optional<Certificate> out;
  visit_certificates(
      reader, Query<Certificate>().where(&Certificate::origin, model::CertificateOrigin::uploaded),
      [&](const Certificate& row) {
        if (set_of(row.names) == wanted) out = row;
        return out.has_value();
      });
  return out;
}

}  // namespace

ParsedCertificate parse_upload(const json::object& body, WallTime now) {
  const auto parsed = net::Certificate::parse(json::require_string(body, "chain"),
                                              json::require_string(body, "key"));
  check_dates(*parsed, now);
  net::PemPair pem = net::pem_of(*parsed);
  check_size("chain", pem.chain, limits::kCertificateChainBytes);
  check_size("key", pem.key, limits::kCertificateKeyBytes);
  return {control::certificate_row(*parsed, std::move(pem), model::CertificateOrigin::uploaded),
          parsed->fingerprint().str(), parsed->issuer()};
}

StoredUpload store_upload(store::Writer& tx, const Act& act, Certificate upload) {
  const auto older = uploaded_for(tx, upload.names);
  const auto fresh = made<Certificate>(act);
  upload.guid = older ? older->guid : fresh.guid;
  upload.created_at = older ? older->created_at : fresh.created_at;
  upload.updated_at = fresh.updated_at;
  if (older) {
    tx.update(upload);
  } else {
    if (tx.count(Query<Certificate>()) >= static_cast<std::int64_t>(limits::kCertificates))
      refuse(fmt::format("there are {} certificates already, as many as there may be: delete some",
                         limits::kCertificates));
    tx.insert(upload);
  }
  return {std::move(upload), older};
}

}  // namespace nuri::api

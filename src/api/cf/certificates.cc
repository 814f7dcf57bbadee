#include <algorithm>

#include "api/cf/access.h"
#include "api/cf/certificate_rows.h"
#include "api/cf/done_job.h"
#include "api/cf/listing.h"
#include "api/cf/resources.h"
#include "api/cf/uploaded_certificate.h"
#include "model/text.h"

namespace nuri::api {
namespace {

using model::Certificate;
using store::Query;

json::array names_json(const Certificate& row) {
  json::array out;
  for (const std::string& name : row.names) out.push_back(json::value(name));
  return out;
}

// For the pool. A row that today's rules refuse is shown too: it is there to be deleted.
ParsedCertificate shown(Certificate row) {
  ParsedCertificate out;
  try {
    const auto parsed = net::Certificate::parse(row.chain, row.key);
    out.fingerprint = parsed->fingerprint().str();
    out.issuer = parsed->issuer();
  } catch (const Error&) {
    out.issuer = "unreadable";
  }
  out.row = std::move(row);
  return out;
}

// The key stays behind.
json::object certificate_json(const Call& call, const ParsedCertificate& shown) {
  const Certificate& row = shown.row;
  return {{"guid", row.guid.str()},
          {"created_at", rfc3339(row.created_at)},
          {"updated_at", rfc3339(row.updated_at)},
          {"names", names_json(row)},
          {"origin", model::to_text(row.origin)},
          {"issuer", shown.issuer},
          {"fingerprint", shown.fingerprint},
          {"not_before", rfc3339(row.not_before)},
          {"not_after", rfc3339(row.not_after)},
          {"links", json::object{{"self", call.href("/v3/nuri/certificates/" + row.guid.str())}}}};
}

Target target_of(const Certificate& row) {
  return {row.guid.str(), "certificate", row.names.empty() ? "" : row.names.front(), {}, {}};
}

// Those that have one of the names themselves.
std::vector<CertificateGuid> guids_named(store::Reader& reader, std::vector<std::string> names) {
  for (std::string& name : names) name = model::lower(name);
  std::vector<CertificateGuid> out;
  visit_certificates(reader, {}, [&](const Certificate& row) {
    if (std::ranges::find_first_of(row.names, names) != row.names.end()) out.push_back(row.guid);
    return false;
  });
  return out;
}

Task<void> list_certificates(Call call) {
  const PageRequest wanted = page_request(call.request);
  const auto page = co_await call.parts.store.read(
      [wanted, guids = guid_filter<CertificateGuid>(call.request, "guids"),
       names = filter(call.request, "names")](store::Reader& reader) {
        std::optional<std::vector<CertificateGuid>> named;
        if (names) named = guids_named(reader, *names);
        Query<Certificate> query;
        if (const auto chosen = both(guids, named)) query.any(&Certificate::guid, *chosen);
        apply(query, wanted);
        return reader.list(query);
      });
  const auto all = co_await call.parts.pool.run([rows = page.items] {
    std::vector<ParsedCertificate> out;
    for (const Certificate& row : rows) out.push_back(shown(row));
    return out;
  });
  json::array resources;
  for (const ParsedCertificate& one : all) resources.push_back(certificate_json(call, one));
  co_await call.answer(200, list_json(call, wanted, page.total, std::move(resources)));
}

Task<void> get_certificate(Call call) {
  const Certificate row = co_await call.parts.store.read(
      [guid = call.guid<CertificateGuid>()](store::Reader& reader) { return reader.get(guid); });
  const ParsedCertificate one = co_await call.parts.pool.run([row] { return shown(row); });
  json::object answer = certificate_json(call, one);
  answer["chain"] = one.row.chain;  // what clients are told to trust where it signs itself
  co_await call.answer(200, std::move(answer));
}

Task<void> create_certificate(Call call) {
  require_admin(call.user);
  const json::object body = co_await call.json_body();
  const Act act = act_of(call);
  ParsedCertificate upload =
      co_await call.parts.pool.run([body, now = act.now] { return parse_upload(body, now); });
  const StoredUpload stored = co_await call.parts.store.write([act, upload](store::Writer& tx) {
    StoredUpload done = store_upload(tx, act, upload.row);
    audit(tx, act, done.replaced ? "audit.certificate.update" : "audit.certificate.create",
          target_of(done.row),
          {{"request", json::object{{"names", names_json(done.row)},
                                    {"fingerprint", upload.fingerprint},
                                    {"not_after", rfc3339(done.row.not_after)}}}});
    return done;
  });
  upload.row = stored.row;
  json::object answer = certificate_json(call, upload);
  answer["replaced"] = nullptr;
  if (stored.replaced)
    answer["replaced"] = json::object{{"not_before", rfc3339(stored.replaced->not_before)},
                                      {"not_after", rfc3339(stored.replaced->not_after)}};
  co_await call.answer(stored.replaced ? 200 : 201, std::move(answer));
}

Task<void> delete_certificate(Call call) {
  require_admin(call.user);
  const JobGuid job = co_await call.parts.store.write(
      [act = act_of(call), guid = call.guid<CertificateGuid>()](store::Writer& tx) {
        const Certificate row = tx.get(guid);
        tx.erase(guid);
        audit(tx, act, "audit.certificate.delete-request", target_of(row));
        return insert_done_job(tx, act, "certificate.delete", "certificate", guid.str()).guid;
      });
  co_await call.answer_job(job);
}

}  // namespace

void add_certificates(Routes& routes) {
  routes.add("GET /v3/nuri/certificates", list_certificates);
  routes.add("POST /v3/nuri/certificates", create_certificate);
  routes.add("GET /v3/nuri/certificates/:guid", get_certificate);
  routes.add("DELETE /v3/nuri/certificates/:guid", delete_certificate);
}

}  // namespace nuri::api

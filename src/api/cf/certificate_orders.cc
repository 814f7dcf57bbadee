#include "api/cf/access.h"
#include "api/cf/apps.h"
#include "api/cf/listing.h"
#include "api/cf/resources.h"
#include "model/certificate.h"
#include "model/text.h"

namespace nuri::api {
namespace {

using model::CertificateOrder;
using store::Query;

json::value time_json(const std::optional<WallTime>& time) {
  return time ? json::value(rfc3339(*time)) : json::value(nullptr);
}

json::object order_json(const CertificateOrder& order) {
  return {{"guid", order.guid.str()},
          {"created_at", rfc3339(order.created_at)},
          {"updated_at", rfc3339(order.updated_at)},
          {"name", order.name},
          {"failures", order.failures},
          {"error", order.error.empty() ? json::value(nullptr) : json::value(order.error)},
          {"last_failure", time_json(order.last_failure)},
          {"not_earlier", time_json(order.not_earlier)},
          {"relationships", json::object{{"certificate", relation_json(order.certificate.str())}}}};
}

Task<void> list_orders(Call call) {
  require_admin(call.user);
  const PageRequest wanted = page_request(call.request);
  auto names = filter(call.request, "names");
  if (names)
    for (std::string& name : *names) name = model::lower(name);
  const auto page = co_await call.parts.store.read([wanted, names](store::Reader& reader) {
    Query<CertificateOrder> query;
    if (names) query.any(&CertificateOrder::name, *names);
    apply(query, wanted);
    return reader.list(query);
  });
  json::array resources;
  for (const CertificateOrder& order : page.items) resources.push_back(order_json(order));
  co_await call.answer(200, list_json(call, wanted, page.total, std::move(resources)));
}

}  // namespace

void add_certificate_orders(Routes& routes) {
  routes.add("GET /v3/nuri/certificate_orders", list_orders);
}

}  // namespace nuri::api

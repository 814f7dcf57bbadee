#include "api/cf/access.h"
#include "api/cf/listing.h"
#include "api/cf/resources.h"
#include "api/cf/tenancy.h"

namespace nuri::api {
namespace {

using model::Quota;
using store::Query;

json::value limit_json(const std::optional<int>& limit) {
  if (!limit) return nullptr;
  return *limit;
}

struct Shown {
  Quota quota;
  std::vector<OrgGuid> orgs;  // that have it and the user sees
};

Shown shown(store::Reader& reader, const model::User& user, Quota quota) {
  std::vector<OrgGuid> orgs;
  for (const auto& org : reader.all(Query<model::Org>().where(&model::Org::quota, quota.guid)))
    orgs.push_back(org.guid);
  return {std::move(quota), *both(std::optional(std::move(orgs)), visible_orgs(reader, user))};
}

json::object quota_json(const Call& call, const Shown& one) {
  const Quota& quota = one.quota;
  json::array orgs;
  for (const OrgGuid& org : one.orgs) orgs.push_back(json::object{{"guid", org.str()}});
  return {
      {"guid", quota.guid.str()},
      {"created_at", rfc3339(quota.created_at)},
      {"updated_at", rfc3339(quota.updated_at)},
      {"name", quota.name},
      {"apps", json::object{{"total_memory_in_mb", limit_json(quota.total_memory_mb)},
                            {"per_process_memory_in_mb", limit_json(quota.per_process_memory_mb)},
                            {"total_instances", limit_json(quota.total_instances)},
                            {"per_app_tasks", nullptr},
                            {"log_rate_limit_in_bytes_per_second", nullptr}}},
      {"services", json::object{{"paid_services_allowed", true},
                                {"total_service_instances", nullptr},
                                {"total_service_keys", nullptr}}},
      {"routes", json::object{{"total_routes", limit_json(quota.total_routes)},
                              {"total_reserved_ports", nullptr}}},
      {"domains", json::object{{"total_domains", nullptr}}},
      {"relationships", json::object{{"organizations", json::object{{"data", std::move(orgs)}}}}},
      {"links", json::object{{"self", call.href("/v3/organization_quotas/" + quota.guid.str())}}}};
}

struct QuotaPage {
  std::vector<Shown> items;
  std::int64_t total = 0;
};

Task<void> list_quotas(Call call) {
  const PageRequest wanted = page_request(call.request);
  const auto all = co_await call.parts.store.read(
      [user = call.user, wanted, guids = guid_filter<QuotaGuid>(call.request, "guids"),
       names = filter(call.request, "names")](store::Reader& reader) {
        Query<Quota> query;
        if (guids) query.any(&Quota::guid, *guids);
        if (names) query.any(&Quota::name, *names);
        apply(query, wanted);
        QuotaPage out;
        const auto page = reader.list(query);
        for (const Quota& quota : page.items) out.items.push_back(shown(reader, user, quota));
        out.total = page.total;
        return out;
      });
  json::array resources;
  for (const Shown& one : all.items) resources.push_back(quota_json(call, one));
  co_await call.answer(200, list_json(call, wanted, all.total, std::move(resources)));
}

Task<void> get_quota(Call call) {
  const Shown found = co_await call.parts.store.read(
      [user = call.user, guid = call.guid<QuotaGuid>()](store::Reader& reader) {
        return shown(reader, user, reader.get(guid));
      });
  co_await call.answer(200, quota_json(call, found));
}

}  // namespace

void add_quotas(Routes& routes) {
  routes.add("GET /v3/organization_quotas", list_quotas);
  routes.add("GET /v3/organization_quotas/:guid", get_quota);
}

}  // namespace nuri::api

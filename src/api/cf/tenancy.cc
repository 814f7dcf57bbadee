#include "api/cf/tenancy.h"

#include "api/cf/access.h"
#include "api/cf/apps.h"
#include "api/cf/listing.h"
#include "api/cf/metadata_json.h"
#include "api/cf/resources.h"

namespace nuri::api {
namespace {

using model::Org;
using model::Space;
using store::Query;

Task<void> list_orgs(Call call) {
  const PageRequest wanted = page_request(call.request);
  const auto page = co_await call.parts.store.read(
      [user = call.user, wanted, guids = guid_filter<OrgGuid>(call.request, "guids"),
       names = filter(call.request, "names")](store::Reader& reader) {
        Query<Org> query;
        if (const auto orgs = both(visible_orgs(reader, user), guids)) query.any(&Org::guid, *orgs);
        if (names) query.any(&Org::name, *names);
        apply(query, wanted);
        return reader.list(query);
      });
  json::array resources;
  for (const Org& org : page.items) resources.push_back(org_json(call, org));
  co_await call.answer(200, list_json(call, wanted, page.total, std::move(resources)));
}

Task<Org> read_org(const Call& call) {
  return call.parts.store.read(
      [user = call.user, guid = call.guid<OrgGuid>()](store::Reader& reader) {
        return require_org(reader, user, guid, Access::read);
      });
}

Task<Space> read_space(const Call& call) {
  return call.parts.store.read(
      [user = call.user, guid = call.guid<SpaceGuid>()](store::Reader& reader) {
        return require_space(reader, user, guid, Access::read);
      });
}

Task<void> get_org(Call call) {
  const Org org = co_await read_org(call);
  co_await call.answer(200, org_json(call, org));
}

struct SpacePage {
  store::Page<Space> page;
  std::vector<Org> orgs;
};

Task<void> list_spaces(Call call) {
  const PageRequest wanted = page_request(call.request);
  const auto found = co_await call.parts.store.read(
      [user = call.user, wanted, guids = guid_filter<SpaceGuid>(call.request, "guids"),
       names = filter(call.request, "names"),
       orgs = guid_filter<OrgGuid>(call.request, "organization_guids")](store::Reader& reader) {
        Query<Space> query;
        if (const auto spaces = both(visible_spaces(reader, user), guids))
          query.any(&Space::guid, *spaces);
        if (names) query.any(&Space::name, *names);
        if (orgs) query.any(&Space::org, *orgs);
        apply(query, wanted);
        SpacePage out{reader.list(query), {}};
        std::vector<OrgGuid> theirs;
        for (const Space& space : out.page.items) theirs.push_back(space.org);
        out.orgs = reader.all(Query<Org>().any(&Org::guid, theirs));
        return out;
      });
  json::array resources, orgs;
  for (const Space& space : found.page.items) resources.push_back(space_json(call, space));
  for (const Org& org : found.orgs) orgs.push_back(org_json(call, org));
  json::object answer = list_json(call, wanted, found.page.total, std::move(resources));
  const auto include = filter(call.request, "include");
  if (include && (std::ranges::find(*include, "organization") != include->end() ||
                  std::ranges::find(*include, "org") != include->end()))
    answer["included"] = json::object{{"organizations", std::move(orgs)}};
  co_await call.answer(200, std::move(answer));
}

Task<void> get_space(Call call) {
  const Space space = co_await read_space(call);
  co_await call.answer(200, space_json(call, space));
}

// Nothing of the kind is here: {"data":null}, once the org or space is seen to exist.
Task<void> no_relation_of_org(Call call) {
  co_await read_org(call);
  co_await call.answer(200, relation_json({}));
}
Task<void> no_relation_of_space(Call call) {
  co_await read_space(call);
  co_await call.answer(200, relation_json({}));
}
Task<void> no_list_of_space(Call call) {
  co_await read_space(call);
  co_await call.answer(200, list_json(call, page_request(call.request), 0, {}));
}

json::object ssh_feature() {
  return {{"name", "ssh"},
          {"description", "Enable SSHing into apps in the space."},
          {"enabled", false}};
}

Task<void> list_features(Call call) {
  co_await read_space(call);
  co_await call.answer(200,
                       list_json(call, page_request(call.request), 1, json::array{ssh_feature()}));
}

Task<void> get_feature(Call call) {
  co_await read_space(call);
  if (call.params["name"] != "ssh") throw Error(Code::not_found, "Feature not found");
  co_await call.answer(200, ssh_feature());
}

}  // namespace

json::object org_json(const Call& call, const Org& org) {
  const std::string self = "/v3/organizations/" + org.guid.str();
  return {{"guid", org.guid.str()},
          {"created_at", rfc3339(org.created_at)},
          {"updated_at", rfc3339(org.updated_at)},
          {"name", org.name},
          {"suspended", org.suspended},
          {"relationships", json::object{{"quota", relation_json(org.quota.str())}}},
          {"metadata", metadata_json(org.metadata)},
          {"links", json::object{{"self", call.href(self)},
                                 {"domains", call.href(self + "/domains")},
                                 {"default_domain", call.href(self + "/domains/default")}}}};
}

json::object space_json(const Call& call, const Space& space) {
  const std::string self = "/v3/spaces/" + space.guid.str();
  return {
      {"guid", space.guid.str()},
      {"created_at", rfc3339(space.created_at)},
      {"updated_at", rfc3339(space.updated_at)},
      {"name", space.name},
      {"relationships", json::object{{"organization", relation_json(space.org.str())},
                                     {"quota", relation_json({})}}},
      {"metadata", metadata_json(space.metadata)},
      {"links", json::object{{"self", call.href(self)},
                             {"organization", call.href("/v3/organizations/" + space.org.str())},
                             {"features", call.href(self + "/features")},
                             {"apply_manifest",
                              json::object{{"href", call.link(self + "/actions/apply_manifest")},
                                           {"method", "POST"}}}}}};
}

void add_tenancy(Routes& routes) {
  routes.add("GET /v3/organizations", list_orgs);
  routes.add("GET /v3/organizations/:guid", get_org);
  routes.add("GET /v3/organizations/:guid/relationships/default_isolation_segment",
             no_relation_of_org);
  routes.add("GET /v3/spaces", list_spaces);
  routes.add("GET /v3/spaces/:guid", get_space);
  routes.add("GET /v3/spaces/:guid/relationships/isolation_segment", no_relation_of_space);
  routes.add("GET /v3/spaces/:guid/relationships/quota", no_relation_of_space);
  routes.add("GET /v3/spaces/:guid/features", list_features);
  routes.add("GET /v3/spaces/:guid/features/:name", get_feature);
  routes.add("GET /v3/spaces/:guid/running_security_groups", no_list_of_space);
  routes.add("GET /v3/spaces/:guid/staging_security_groups", no_list_of_space);
  add_users(routes);
  add_quotas(routes);
}

}  // namespace nuri::api

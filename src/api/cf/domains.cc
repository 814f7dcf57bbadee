#include "api/cf/access.h"
#include "api/cf/apps.h"
#include "api/cf/done_job.h"
#include "api/cf/listing.h"
#include "api/cf/metadata_json.h"
#include "api/cf/resources.h"
#include "api/cf/route_rows.h"
#include "model/option_fields.h"
#include "model/text.h"

namespace nuri::api {
namespace {

using model::Domain;
using store::Query;

json::object domain_json(const Call& call, const Domain& domain) {
  const std::string self = "/v3/domains/" + domain.guid.str();
  json::object links{{"self", call.href(self)},
                     {"route_reservations", call.href(self + "/route_reservations")}};
  if (domain.org) links["organization"] = call.href("/v3/organizations/" + domain.org.str());
  return {{"guid", domain.guid.str()},
          {"created_at", rfc3339(domain.created_at)},
          {"updated_at", rfc3339(domain.updated_at)},
          {"name", domain.name},
          {"internal", domain.internal},
          {"router_group", nullptr},
          {"supported_protocols", json::array{"http"}},
          {"relationships",
           json::object{{"organization", relation_json(domain.org.str())},
                        {"shared_organizations", json::object{{"data", json::array()}}}}},
          {"options", json::object{{"https_redirect", domain.https_redirect}}},
          {"metadata", metadata_json(domain.metadata)},
          {"links", std::move(links)}};
}

bool visible(store::Reader& reader, const model::User& user, const Domain& domain) {
  const auto orgs = visible_orgs(reader, user);
  return !domain.org || !orgs || std::ranges::find(*orgs, domain.org) != orgs->end();
}

Domain require_domain(store::Reader& reader, const model::User& user, const DomainGuid& guid) {
  Domain domain = reader.get(guid);
  if (!visible(reader, user, domain)) return reader.get(DomainGuid());
  return domain;
}

// A shared domain is the platform's; another is its org's.
void require_change(store::Reader& reader, const model::User& user, const Domain& domain) {
  if (user.admin) return;
  if (!domain.org) forbid();
  require_org(reader, user, domain.org, Access::write);
}

// Nuri's own key, as routes have one: what is not given stays, null takes back.
void patch_options(Domain& domain, const json::object& body) {
  const json::object* given = json::find_object(body, "options");
  if (!given) return;
  model::OptionFields fields(*given, "");
  const auto redirect = fields.truth("https_redirect");
  fields.done();
  if (given->contains("https_redirect")) domain.https_redirect = redirect.value_or(false);
}

struct DomainFilter {
  std::optional<std::vector<DomainGuid>> guids;
  std::optional<std::vector<std::string>> names;
  std::optional<std::vector<OrgGuid>> orgs;
};

// Private domains of the orgs that the user sees, and shared ones.
store::Page<Domain> page_of(store::Reader& reader, const model::User& user,
                            const DomainFilter& asked, const PageRequest& wanted) {
  Query<Domain> query;
  if (asked.orgs) query.any(&Domain::org, *asked.orgs);
  if (asked.names) query.any(&Domain::name, *asked.names);
  std::vector<DomainGuid> guids;
  for (const Domain& domain : reader.all(query))
    if (visible(reader, user, domain)) guids.push_back(domain.guid);
  Query<Domain> shown;
  shown.any(&Domain::guid, *both(std::optional(std::move(guids)), asked.guids));
  apply(shown, wanted);
  return reader.list(shown);
}

Task<void> answer_page(Call call, const PageRequest& wanted, const store::Page<Domain>& page) {
  json::array resources;
  for (const Domain& domain : page.items) resources.push_back(domain_json(call, domain));

  co_await call.answer(200, list_json(call, wanted, page.total, std::move(resources)));
}

Task<void> list_domains(Call call) {
  const PageRequest wanted = page_request(call.request);
  const auto page = co_await call.parts.store.read(
      [user = call.user, wanted,
       asked = DomainFilter{
           guid_filter<DomainGuid>(call.request, "guids"), filter(call.request, "names"),
           guid_filter<OrgGuid>(call.request, "organization_guids")}](store::Reader& reader) {
        return page_of(reader, user, asked, wanted);
      });
  co_await answer_page(call, wanted, page);
}

// Those that the org's apps may use: shared ones too.
Task<void> list_of_org(Call call) {
  const PageRequest wanted = page_request(call.request);
  const auto page = co_await call.parts.store.read(
      [user = call.user, wanted, org = call.guid<OrgGuid>(),
       asked = DomainFilter{guid_filter<DomainGuid>(call.request, "guids"),
                            filter(call.request, "names"), std::nullopt}](store::Reader& reader) {
        require_org(reader, user, org, Access::read);
        DomainFilter usable = asked;
        std::vector<DomainGuid> guids;
        for (const Domain& domain : domains_of(reader, org)) guids.push_back(domain.guid);
        usable.guids = both(std::optional(std::move(guids)), asked.guids);
        return page_of(reader, user, usable, wanted);
      });
  co_await answer_page(call, wanted, page);
}

Task<void> get_default(Call call) {
  const Domain domain = co_await call.parts.store.read(
      [user = call.user, org = call.guid<OrgGuid>()](store::Reader& reader) {
        require_org(reader, user, org, Access::read);
        for (const Domain& one : domains_of(reader, org))
          if (!one.internal) return one;
        return reader.get(DomainGuid());
      });
  co_await call.answer(200, domain_json(call, domain));
}

Task<void> get_domain(Call call) {
  const Domain domain = co_await call.parts.store.read(
      [user = call.user, guid = call.guid<DomainGuid>()](store::Reader& reader) {
        return require_domain(reader, user, guid);
      });
  co_await call.answer(200, domain_json(call, domain));
}

Task<void> create_domain(Call call) {
  const json::object body = co_await call.json_body();
  const Act act = act_of(call);
  Domain domain = made<Domain>(act);
  domain.name = model::lower(json::require_string(body, "name"));
  domain.internal = json::get_bool(body, "internal");
  if (const auto* all = json::find_object(body, "relationships");
      all && json::find_object(*all, "organization"))
    domain.org = OrgGuid(require_relation(body, "organization"));
  patch_metadata(domain.metadata, body);
  patch_options(domain, body);
  co_await call.parts.store.write([act, domain](store::Writer& tx) {
    require_change(tx, act.user, domain);
    model::validate(domain);
    tx.insert(domain);
    audit(tx, act, "audit.domain.create",
          Target{domain.guid.str(), "domain", domain.name, {}, domain.org},
          {{"request", json::object{{"name", domain.name}}}});
  });
  co_await call.answer(201, domain_json(call, domain));
}

Task<void> update_domain(Call call) {
  const json::object body = co_await call.json_body();
  const Domain domain = co_await call.parts.store.write(
      [act = act_of(call), body, guid = call.guid<DomainGuid>()](store::Writer& tx) {
        Domain changed = require_domain(tx, act.user, guid);
        require_change(tx, act.user, changed);
        patch_metadata(changed.metadata, body);
        patch_options(changed, body);
        changed.updated_at = act.now;
        tx.update(changed);
        audit(tx, act, "audit.domain.update",
              Target{guid.str(), "domain", changed.name, {}, changed.org}, {{"request", body}});
        return changed;
      });
  co_await call.answer(200, domain_json(call, domain));
}

Task<void> delete_domain(Call call) {
  const JobGuid job = co_await call.parts.store.write(
      [act = act_of(call), guid = call.guid<DomainGuid>()](store::Writer& tx) {
        const Domain domain = require_domain(tx, act.user, guid);
        require_change(tx, act.user, domain);
        if (tx.count(Query<model::Route>().where(&model::Route::domain, guid)) > 0)
          throw Error(Code::unprocessable,
                      "Domain '" + domain.name + "' still has routes: delete them first");
        tx.erase(guid);
        audit(tx, act, "audit.domain.delete-request",
              Target{guid.str(), "domain", domain.name, {}, domain.org});
        return insert_done_job(tx, act, "domain.delete", "domain", guid.str()).guid;
      });
  co_await call.answer_job(job);
}

Task<void> route_reservations(Call call) {
  const bool found = co_await call.parts.store.read(
      [user = call.user, guid = call.guid<DomainGuid>(),
       host = call.request.parameter("host").value_or(""),
       path = call.request.parameter("path").value_or("")](store::Reader& reader) {
        require_domain(reader, user, guid);
        return find_route(reader, guid, model::lower(host), path).has_value();
      });
  co_await call.answer(200, json::object{{"matching_route", found}});
}

}  // namespace

void add_domains(Routes& routes) {
  routes.add("GET /v3/domains", list_domains);
  routes.add("POST /v3/domains", create_domain);
  routes.add("GET /v3/domains/:guid", get_domain);
  routes.add("PATCH /v3/domains/:guid", update_domain);
  routes.add("DELETE /v3/domains/:guid", delete_domain);
  routes.add("GET /v3/domains/:guid/route_reservations", route_reservations);
  routes.add("GET /v3/organizations/:guid/domains", list_of_org);
  routes.add("GET /v3/organizations/:guid/domains/default", get_default);
}

}  // namespace nuri::api

#include <charconv>

#include "api/cf/access.h"
#include "api/cf/apps.h"
#include "api/cf/listing.h"
#include "api/cf/metadata_json.h"
#include "api/cf/resources.h"
#include "model/release.h"

namespace nuri::api {
namespace {

using model::App;
using model::Revision;
using store::Query;

bool is_deployable(const Revision& revision) { return revision.deployable && revision.droplet; }

json::object revision_json(const Call& call, const Revision& revision) {
  const std::string self = "/v3/revisions/" + revision.guid.str();
  json::object processes;
  for (const auto& settings : revision.processes)
    processes[settings.type] = json::object{
        {"command", settings.command ? json::value(*settings.command) : json::value()}};
  json::object droplet;
  droplet["guid"] = revision.droplet ? json::value(revision.droplet.str()) : json::value();
  return {{"guid", revision.guid.str()},
          {"created_at", rfc3339(revision.created_at)},
          {"updated_at", rfc3339(revision.updated_at)},
          {"version", revision.version},
          {"description", revision.description},
          {"deployable", is_deployable(revision)},
          {"droplet", std::move(droplet)},
          {"processes", std::move(processes)},
          {"sidecars", json::array()},
          {"relationships", json::object{{"app", relation_json(revision.app.str())}}},
          {"metadata", metadata_json(revision.metadata)},
          {"links",
           json::object{{"self", call.href(self)},
                        {"app", call.href("/v3/apps/" + revision.app.str())},
                        {"environment_variables", call.href(self + "/environment_variables")}}}};
}

std::optional<std::vector<int>> versions_of(const http::Request& request) {
  const auto texts = filter(request, "versions");
  if (!texts) return std::nullopt;
  std::vector<int> out;
  for (const auto& text : *texts) {
    int version = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), version);
    if (error != std::errc() || end != text.data() + text.size())
      throw Error(Code::bad_request,
                  "The query parameter is invalid: Versions must be whole numbers");
    out.push_back(version);
  }
  return out;
}

Task<void> answer_page(Call& call, const PageRequest& wanted, const store::Page<Revision>& page) {
  json::array resources;
  for (const Revision& revision : page.items) resources.push_back(revision_json(call, revision));
  co_await call.answer(200, list_json(call, wanted, page.total, std::move(resources)));
}

Task<void> list_of_app(Call call) {
  const PageRequest wanted = page_request(call.request);
  const auto page =
      co_await call.parts.store.read([user = call.user, wanted, app = call.guid<AppGuid>(),
                                      versions = versions_of(call.request)](store::Reader& reader) {
        require_app(reader, user, app, Access::read);
        Query<Revision> query;
        query.where(&Revision::app, app);
        if (versions) query.any(&Revision::version, *versions);
        apply(query, wanted);
        return reader.list(query);
      });
  co_await answer_page(call, wanted, page);
}

// What the app's instances run: of the deployment that serves, and of one that rolls out.
Task<void> list_deployed(Call call) {
  const PageRequest wanted = page_request(call.request);
  const auto page = co_await call.parts.store.read(
      [user = call.user, wanted, guid = call.guid<AppGuid>()](store::Reader& reader) {
        const App app = require_app(reader, user, guid, Access::read);
        std::vector<RevisionGuid> running;
        if (app.state == model::AppState::started) {
          running.push_back(app.current_revision);
          for (const auto& deployment :
               reader.all(Query<model::Deployment>()
                              .where(&model::Deployment::app, guid)
                              .where(&model::Deployment::state, model::DeploymentState::active)))
            running.push_back(deployment.revision);
        }
        std::erase(running, RevisionGuid());
        Query<Revision> query;
        query.any(&Revision::guid, running);
        apply(query, wanted);
        return reader.list(query);
      });
  co_await answer_page(call, wanted, page);
}

Task<Revision> revision_of(Call& call, Access access) {
  return call.parts.store.read(
      [user = call.user, guid = call.guid<RevisionGuid>(), access](store::Reader& reader) {
        return require_of_app(reader, user, guid, access);
      });
}

Task<void> get_revision(Call call) {
  const Revision revision = co_await revision_of(call, Access::read);
  co_await call.answer(200, revision_json(call, revision));
}

Task<void> patch_revision(Call call) {
  const json::object body = co_await call.json_body();
  const Revision revision = co_await call.parts.store.write(
      [act = act_of(call), guid = call.guid<RevisionGuid>(), body](store::Writer& tx) {
        Revision changed = require_of_app(tx, act.user, guid, Access::write);
        patch_metadata(changed.metadata, body);
        changed.updated_at = act.now;
        tx.update(changed);
        return changed;
      });
  co_await call.answer(200, revision_json(call, revision));
}

Task<void> get_environment(Call call) {
  const Revision revision = co_await revision_of(call, Access::write);
  const std::string self = "/v3/revisions/" + revision.guid.str();
  json::object variables;
  for (const auto& [name, value] : revision.env) variables.emplace(name, value);
  co_await call.answer(
      200,
      json::object{{"var", std::move(variables)},
                   {"links", json::object{{"self", call.href(self + "/environment_variables")},
                                          {"revision", call.href(self)},
                                          {"app", call.href("/v3/apps/" + revision.app.str())}}}});
}

}  // namespace

void add_revisions(Routes& routes) {
  routes.add("GET /v3/apps/:guid/revisions", list_of_app);
  routes.add("GET /v3/apps/:guid/revisions/deployed", list_deployed);
  routes.add("GET /v3/revisions/:guid", get_revision);
  routes.add("PATCH /v3/revisions/:guid", patch_revision);
  routes.add("GET /v3/revisions/:guid/environment_variables", get_environment);
}

}  // namespace nuri::api

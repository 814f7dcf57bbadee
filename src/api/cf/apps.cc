#include "api/cf/apps.h"

#include <fmt/format.h>

#include "api/cf/access.h"
#include "api/cf/listing.h"
#include "api/cf/metadata_json.h"
#include "api/cf/resources.h"

namespace nuri::api {
namespace {

using model::App;
using store::Query;

json::object action(const Call& call, const std::string& path) {
  return {{"href", call.link(path)}, {"method", "POST"}};
}

json::object links_of(const Call& call, const App& app) {
  const std::string self = "/v3/apps/" + app.guid.str();
  return {{"self", call.href(self)},
          {"environment_variables", call.href(self + "/environment_variables")},
          {"space", call.href("/v3/spaces/" + app.space.str())},
          {"processes", call.href(self + "/processes")},
          {"packages", call.href(self + "/packages")},
          {"current_droplet", call.href(self + "/droplets/current")},
          {"droplets", call.href(self + "/droplets")},
          {"start", action(call, self + "/actions/start")},
          {"stop", action(call, self + "/actions/stop")},
          {"revisions", call.href(self + "/revisions")},
          {"deployed_revisions", call.href(self + "/revisions/deployed")},
          {"features", call.href(self + "/features")}};
}

struct AppFilter {
  std::optional<std::vector<AppGuid>> guids;
  std::optional<std::vector<std::string>> names;
  std::optional<std::vector<SpaceGuid>> spaces;
  std::optional<std::vector<OrgGuid>> orgs;
};

AppFilter app_filter(const http::Request& request) {
  return {guid_filter<AppGuid>(request, "guids"), filter(request, "names"),
          guid_filter<SpaceGuid>(request, "space_guids"),
          guid_filter<OrgGuid>(request, "organization_guids")};
}

std::vector<SpaceGuid> spaces_of(store::Reader& reader, const std::vector<OrgGuid>& orgs) {
  std::vector<SpaceGuid> out;
  for (const auto& space : reader.all(Query<model::Space>().any(&model::Space::org, orgs)))
    out.push_back(space.guid);
  return out;
}

Task<void> list_apps(Call call) {
  const PageRequest wanted = page_request(call.request);
  const auto page = co_await call.parts.store.read(
      [user = call.user, wanted, asked = app_filter(call.request)](store::Reader& reader) {
        auto spaces = both(visible_spaces(reader, user), asked.spaces);
        if (asked.orgs) spaces = both(std::move(spaces), {spaces_of(reader, *asked.orgs)});
        Query<App> query;
        if (spaces) query.any(&App::space, *spaces);
        if (asked.guids) query.any(&App::guid, *asked.guids);
        if (asked.names) query.any(&App::name, *asked.names);
        apply(query, wanted);
        return reader.list(query);
      });
  json::array resources;
  for (const App& app : page.items) resources.push_back(app_json(call, app));
  co_await call.answer(200, list_json(call, wanted, page.total, std::move(resources)));
}

Task<void> get_app(Call call) {
  const App app = co_await call.parts.store.read(
      [user = call.user, guid = call.guid<AppGuid>()](store::Reader& reader) {
        return require_app(reader, user, guid, Access::read);
      });
  co_await call.answer(200, app_json(call, app));
}

Task<void> create_app(Call call) {
  const json::object body = co_await call.json_body();
  const Act act = act_of(call);
  App app = made<App>(act);
  app.name = json::require_string(body, "name");
  app.space = SpaceGuid(require_relation(body, "space"));
  patch_lifecycle(app.lifecycle, body);
  if (const auto* env = json::find_object(body, "environment_variables")) patch_env(app.env, *env);
  patch_metadata(app.metadata, body);
  co_await call.parts.store.write([act, app](store::Writer& tx) {
    const auto space = tx.find(app.space);
    if (!space || !may(tx, act.user, *space, Access::read))
      throw Error(Code::unprocessable,
                  "Invalid space. Ensure that the space exists and you have access to it.");
    if (!may(tx, act.user, *space, Access::write)) forbid();
    insert_app(tx, act, app);
  });
  co_await call.answer(201, app_json(call, app));
}

// What the audit trail keeps of a request, and who reads it: values of variables may be secret.
json::object without_values(json::object body) {
  if (json::value* variables = body.if_contains("environment_variables"))
    *variables = "[PRIVATE DATA HIDDEN]";
  return body;
}

Task<void> patch_app(Call call) {
  const json::object body = co_await call.json_body();
  const App app = co_await call.parts.store.write(
      [act = act_of(call), guid = call.guid<AppGuid>(), body](store::Writer& tx) {
        App changed = require_app(tx, act.user, guid, Access::write);
        changed.name = json::get_string(body, "name", changed.name);
        patch_lifecycle(changed.lifecycle, body);
        patch_metadata(changed.metadata, body);
        changed.updated_at = act.now;
        model::validate(changed);
        tx.update(changed);
        audit(tx, act, "audit.app.update", changed, {{"request", without_values(body)}});
        return changed;
      });
  co_await call.answer(200, app_json(call, app));
}

Task<void> delete_app(Call call) {
  const JobGuid job = co_await call.parts.store.write(
      [act = act_of(call), guid = call.guid<AppGuid>()](store::Writer& tx) {
        const App app = require_app(tx, act.user, guid, Access::write);
        audit(tx, act, "audit.app.delete-request", app);
        return insert_job(tx, act, "app.delete", "app", guid.str()).guid;
      });
  co_await call.answer_job(job);
}

}  // namespace

json::object relation_json(const std::string& guid) {
  if (guid.empty()) return {{"data", nullptr}};
  return {{"data", json::object{{"guid", guid}}}};
}

std::string require_relation(const json::object& body, std::string_view name) {
  const auto* all = json::find_object(body, "relationships");
  const auto* relation = all ? json::find_object(*all, name) : nullptr;
  const auto* data = relation ? json::find_object(*relation, "data") : nullptr;
  if (!data)
    throw Error(Code::unprocessable,
                fmt::format("Relationships {} must be a hash with data.guid", name));
  return json::require_string(*data, "guid");
}

json::object lifecycle_json(const model::Lifecycle& lifecycle) {
  if (lifecycle.type == model::LifecycleType::docker)
    return {{"type", "docker"}, {"data", json::object()}};
  json::array buildpacks;
  for (const auto& buildpack : lifecycle.buildpacks) buildpacks.emplace_back(buildpack);
  const std::string_view stack =
      lifecycle.stack.empty() ? kStack : std::string_view(lifecycle.stack);
  return {{"type", "buildpack"},
          {"data", json::object{{"buildpacks", std::move(buildpacks)}, {"stack", stack}}}};
}

void patch_lifecycle(model::Lifecycle& lifecycle, const json::object& body) {
  const auto* given = json::find_object(body, "lifecycle");
  if (!given) return;
  // Clients that know newer lifecycles say cnb for what Nuri's buildpacks are.
  const std::string type = json::get_string(*given, "type", "buildpack");
  const auto known = model::from_text<model::LifecycleType>(type == "cnb" ? "buildpack" : type);
  if (!known)
    throw Error(Code::unprocessable,
                fmt::format("Lifecycle type is not included in list: buildpack, docker"));
  lifecycle.type = *known;
  if (const auto* data = json::find_object(*given, "data")) {
    lifecycle.stack = json::get_string(*data, "stack", lifecycle.stack);
    if (data->contains("buildpacks")) lifecycle.buildpacks.clear();
    if (const auto* buildpacks = json::find_array(*data, "buildpacks")) {
      for (const auto& buildpack : *buildpacks) {
        if (!buildpack.is_string())
          throw Error(Code::unprocessable, "Buildpacks can only contain strings");
        lifecycle.buildpacks.emplace_back(buildpack.get_string());
      }
    }
  }
  model::validate(lifecycle);
}

json::object app_json(const Call& call, const App& app) {
  return {{"guid", app.guid.str()},
          {"created_at", rfc3339(app.created_at)},
          {"updated_at", rfc3339(app.updated_at)},
          {"name", app.name},
          {"state", model::to_text(app.state)},
          {"lifecycle", lifecycle_json(app.lifecycle)},
          {"relationships",
           json::object{{"space", relation_json(app.space.str())},
                        {"current_droplet", relation_json(app.current_droplet.str())}}},
          {"metadata", metadata_json(app.metadata)},
          {"links", links_of(call, app)}};
}

void insert_app(store::Writer& tx, const Act& act, const App& app) {
  model::validate(app);
  tx.insert(app);
  auto web = made<model::Process>(act);
  web.app = app.guid;
  tx.insert(web);
  audit(tx, act, "audit.app.create", app, {{"request", json::object{{"name", app.name}}}});
}

void add_apps(Routes& routes) {
  routes.add("GET /v3/apps", list_apps);
  routes.add("POST /v3/apps", create_app);
  routes.add("GET /v3/apps/:guid", get_app);
  routes.add("PATCH /v3/apps/:guid", patch_app);
  routes.add("DELETE /v3/apps/:guid", delete_app);
  add_app_actions(routes);
  add_app_env(routes);
  add_app_features(routes);
  add_app_droplet(routes);
}

}  // namespace nuri::api

#include <fmt/format.h>

#include "api/cf/access.h"
#include "api/cf/apps.h"
#include "api/cf/processes.h"
#include "api/cf/releases.h"
#include "api/cf/resources.h"
#include "control/instance_spec.h"
#include "control/rows.h"

namespace nuri::api {
namespace {

using model::App;

json::object env_json(const model::Env& env) {
  json::object out;
  for (const auto& [name, value] : env) out.emplace(name, value);
  return out;
}

json::object variables_json(const Call& call, const App& app) {
  const std::string path = "/v3/apps/" + app.guid.str();
  return {{"var", env_json(app.env)},
          {"links", json::object{{"self", call.href(path + "/environment_variables")},
                                 {"app", call.href(path)}}}};
}

Task<void> get_variables(Call call) {
  const App app = co_await call.parts.store.read(
      [user = call.user, guid = call.guid<AppGuid>()](store::Reader& reader) {
        return require_app(reader, user, guid, Access::write);
      });
  co_await call.answer(200, variables_json(call, app));
}

Task<void> patch_variables(Call call) {
  const json::object body = co_await call.json_body();
  const App app = co_await call.parts.store.write(
      [act = act_of(call), guid = call.guid<AppGuid>(), body](store::Writer& tx) {
        App changed = require_app(tx, act.user, guid, Access::write);
        const json::object& changes = json::require_object(body, "var");
        patch_env(changed.env, changes);
        changed.updated_at = act.now;
        tx.update(changed);
        json::array names;  // values may be secret
        for (const auto& entry : changes) names.emplace_back(entry.key());
        audit(tx, act, "audit.app.update", changed, {{"environment_variables", std::move(names)}});
        return changed;
      });
  co_await call.answer(200, variables_json(call, app));
}

// What the platform tells the app of itself, before it is told which instance it is.
json::object vcap_of(store::Reader& reader, const App& app) {
  control::SpecRows rows;
  rows.app = app;
  rows.space = reader.get(app.space);
  rows.org = reader.get(rows.space.org);
  rows.process = process_of_type(reader, app.guid, "web");
  if (auto revision = latest_revision(reader, app.guid)) rows.revision = std::move(*revision);
  rows.uris = control::uris_of(reader, app.guid);
  return control::vcap_application(rows);
}

Task<void> get_env(Call call) {
  json::object answer = co_await call.parts.store.read(
      [user = call.user, guid = call.guid<AppGuid>()](store::Reader& reader) {
        const App app = require_app(reader, user, guid, Access::write);
        return json::object{
            {"staging_env_json", json::object()},
            {"running_env_json", json::object()},
            {"environment_variables", env_json(app.env)},
            {"system_env_json", json::object{{"VCAP_SERVICES", json::object()}}},
            {"application_env_json", json::object{{"VCAP_APPLICATION", vcap_of(reader, app)}}}};
      });
  co_await call.answer(200, std::move(answer));
}

}  // namespace

void patch_env(model::Env& env, const json::object& changes) {
  for (const auto& [name, value] : changes) {
    if (value.is_null()) {
      env.erase(std::string(name));
    } else if (value.is_string()) {
      env[std::string(name)] = value.get_string();
    } else {
      throw Error(Code::unprocessable,
                  fmt::format("Non-string value in environment variable for key '{}', value '{}'",
                              std::string_view(name), json::serialize(value)));
    }
  }
  model::validate(env);
}

void add_app_env(Routes& routes) {
  routes.add("GET /v3/apps/:guid/environment_variables", get_variables);
  routes.add("PATCH /v3/apps/:guid/environment_variables", patch_variables);
  routes.add("GET /v3/apps/:guid/env", get_env);
}

}  // namespace nuri::api

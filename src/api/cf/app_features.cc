#include "api/cf/access.h"
#include "api/cf/apps.h"
#include "api/cf/listing.h"
#include "api/cf/resources.h"

namespace nuri::api {
namespace {

using model::App;

constexpr std::string_view kNoSsh = "This platform has no SSH access to instances.";

json::object ssh_json() {
  return {{"name", "ssh"}, {"description", "Enable SSHing into the app."}, {"enabled", false}};
}

json::object revisions_json(const App& app) {
  return {{"name", "revisions"},
          {"description", "Enable versioning of an application"},
          {"enabled", app.revisions_enabled}};
}

json::object feature_json(const App& app, std::string_view name) {
  if (name == "ssh") return ssh_json();
  if (name == "revisions") return revisions_json(app);
  throw Error(Code::not_found, "Feature not found");
}

Task<App> app_of(Call& call) {
  return call.parts.store.read(
      [user = call.user, guid = call.guid<AppGuid>()](store::Reader& reader) {
        return require_app(reader, user, guid, Access::read);
      });
}

Task<void> list_features(Call call) {
  const App app = co_await app_of(call);
  co_await call.answer(200, list_json(call, {}, 2, {ssh_json(), revisions_json(app)}));
}

Task<void> get_feature(Call call) {
  const App app = co_await app_of(call);
  co_await call.answer(200, feature_json(app, call.params["name"]));
}

Task<void> patch_feature(Call call) {
  const json::object body = co_await call.json_body();
  const App app =
      co_await call.parts.store.write([act = act_of(call), guid = call.guid<AppGuid>(),
                                       name = call.params["name"], body](store::Writer& tx) {
        App changed = require_app(tx, act.user, guid, Access::write);
        (void)feature_json(changed, name);
        const json::value* enabled = body.if_contains("enabled");
        if (!enabled || !enabled->is_bool())
          throw Error(Code::unprocessable, "Enabled must be a boolean");
        if (name == "ssh") {
          if (enabled->get_bool()) throw Error(Code::unprocessable, std::string(kNoSsh));
          return changed;
        }
        changed.revisions_enabled = enabled->get_bool();
        changed.updated_at = act.now;
        tx.update(changed);
        audit(tx, act, "audit.app.update", changed,
              {{"feature", name}, {"enabled", enabled->get_bool()}});
        return changed;
      });
  co_await call.answer(200, feature_json(app, call.params["name"]));
}

Task<void> ssh_enabled(Call call) {
  (void)co_await app_of(call);
  co_await call.answer(200, json::object{{"enabled", false}, {"reason", kNoSsh}});
}

}  // namespace

void add_app_features(Routes& routes) {
  routes.add("GET /v3/apps/:guid/features", list_features);
  routes.add("GET /v3/apps/:guid/features/:name", get_feature);
  routes.add("PATCH /v3/apps/:guid/features/:name", patch_feature);
  routes.add("GET /v3/apps/:guid/ssh_enabled", ssh_enabled);
}

}  // namespace nuri::api

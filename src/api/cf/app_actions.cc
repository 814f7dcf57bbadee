#include "api/cf/access.h"
#include "api/cf/apps.h"
#include "api/cf/releases.h"
#include "api/cf/resources.h"

namespace nuri::api {
namespace {

using model::App;
using model::AppState;

// Whether something of the app runs or is being rolled out.
bool is_deployed(store::Reader& reader, const App& app) {
  const auto deployment =
      reader.first(store::Query<model::Deployment>()
                       .where(&model::Deployment::app, app.guid)
                       .where(&model::Deployment::state, model::DeploymentState::active));
  return app.current_deployment || deployment;
}

void start(store::Writer& tx, const Act& act, App& app) {
  if (app.state == AppState::started && is_deployed(tx, app)) return;
  release_app(tx, act, app, {model::Strategy::recreate, {}, {}});
  audit(tx, act, "audit.app.start", app);
}

void stop(store::Writer& tx, const Act& act, App& app) {
  if (app.state == AppState::stopped) return;
  app.state = AppState::stopped;
  app.updated_at = act.now;
  tx.update(app);
  audit(tx, act, "audit.app.stop", app);
}

void restart(store::Writer& tx, const Act& act, App& app) {
  release_app(tx, act, app, {});
  audit(tx, act, "audit.app.restart", app);
}

using Action = void (*)(store::Writer&, const Act&, App&);

Task<void> carry_out(Call call, Action action) {
  const App app = co_await call.parts.store.write(
      [act = act_of(call), guid = call.guid<AppGuid>(), action](store::Writer& tx) {
        App changed = require_app(tx, act.user, guid, Access::write);
        action(tx, act, changed);
        return changed;
      });
  co_await call.answer(200, app_json(call, app));
}

}  // namespace

void add_app_actions(Routes& routes) {
  const auto add = [&](std::string_view pattern, Action action) {
    routes.add(pattern, [action](Call call) { return carry_out(std::move(call), action); });
  };
  add("POST /v3/apps/:guid/actions/start", start);
  add("POST /v3/apps/:guid/actions/stop", stop);
  add("POST /v3/apps/:guid/actions/restart", restart);
}

}  // namespace nuri::api

#include "api/cf/access.h"
#include "api/cf/apps.h"
#include "api/cf/processes.h"
#include "api/cf/resources.h"

namespace nuri::api {
namespace {

using model::App;
using model::Droplet;

json::object current_json(const Call& call, const App& app) {
  const std::string path = "/v3/apps/" + app.guid.str();
  json::object out = relation_json(app.current_droplet.str());
  out["links"] = json::object{{"self", call.href(path + "/relationships/current_droplet")},
                              {"related", call.href(path + "/droplets/current")}};
  return out;
}

Task<void> get_relationship(Call call) {
  const App app = co_await call.parts.store.read(
      [user = call.user, guid = call.guid<AppGuid>()](store::Reader& reader) {
        App found = require_app(reader, user, guid, Access::read);
        if (!found.current_droplet) throw Error(Code::not_found, "Droplet not found");
        return found;
      });
  co_await call.answer(200, current_json(call, app));
}

Task<void> patch_relationship(Call call) {
  const json::object body = co_await call.json_body();
  const App app = co_await call.parts.store.write(
      [act = act_of(call), guid = call.guid<AppGuid>(), body](store::Writer& tx) {
        App changed = require_app(tx, act.user, guid, Access::write);
        const DropletGuid droplet(json::require_string(json::require_object(body, "data"), "guid"));
        assign_droplet(tx, act, changed, droplet);
        return changed;
      });
  co_await call.answer(200, current_json(call, app));
}

}  // namespace

void assign_droplet(store::Writer& tx, const Act& act, App& app, const DropletGuid& guid) {
  const auto droplet = tx.find(guid);
  if (!droplet || droplet->app != app.guid || droplet->state != model::DropletState::staged)
    throw Error(Code::unprocessable,
                "Unable to assign current droplet. Ensure the droplet exists and belongs to this "
                "app.");
  const auto processes = processes_of(tx, app.guid);
  for (const auto& [type, command] : droplet->process_types) {
    if (std::ranges::find(processes, type, &model::Process::type) != processes.end()) continue;
    auto process = made<model::Process>(act);
    process.app = app.guid;
    process.type = type;
    process.instances = type == "web" ? 1 : 0;
    if (type != "web") process.health_check.type = model::HealthCheckType::process;
    tx.insert(process);
  }
  app.current_droplet = guid;
  app.updated_at = act.now;
  tx.update(app);
  audit(tx, act, "audit.app.droplet.mapped", app, {{"droplet_guid", guid.str()}});
}

void add_app_droplet(Routes& routes) {
  routes.add("GET /v3/apps/:guid/relationships/current_droplet", get_relationship);
  routes.add("PATCH /v3/apps/:guid/relationships/current_droplet", patch_relationship);
}

}  // namespace nuri::api

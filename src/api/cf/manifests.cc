#include "api/cf/access.h"
#include "api/cf/done_job.h"
#include "api/cf/manifest_apply.h"
#include "api/cf/manifest_text.h"
#include "api/cf/resources.h"
#include "api/cf/route_options.h"

namespace nuri::api {
namespace {

Task<void> apply(Call call) {
  const std::string text = co_await call.text_body(limits::kManifestBytes);
  model::Manifest parsed = model::parse_manifest(text);
  for (model::ManifestApp& app : parsed.apps)
    for (model::ManifestRoute& route : app.routes)
      route.options = options_of(
          co_await with_hashed_passwords(call.parts, json::object{{"options", route.options}}));
  const JobGuid job = co_await call.parts.store.write(
      [act = act_of(call), guid = call.guid<SpaceGuid>(), manifest = std::move(parsed),
       apps_port = call.parts.apps_port](store::Writer& tx) {
        const auto space = require_space(tx, act.user, guid, Access::write);
        return insert_done_job(tx, act, "space.apply_manifest", "space", guid.str(),
                               apply_manifest(tx, act, space, manifest, apps_port))
            .guid;
      });
  co_await call.answer_job(job);
}

Task<void> diff(Call call) {
  const std::string text = co_await call.text_body(limits::kManifestBytes);
  json::array changes = co_await call.parts.store.read(
      [user = call.user, guid = call.guid<SpaceGuid>(), manifest = model::parse_manifest(text),
       apps_port = call.parts.apps_port](store::Reader& reader) {
        // It shows what apps are told: as secret as their environments.
        const auto space = require_space(reader, user, guid, Access::write);
        return manifest_diff(reader, space, manifest, apps_port);
      });
  co_await call.answer(201, json::object{{"diff", std::move(changes)}});
}

Task<void> get_manifest(Call call) {
  const json::object found = co_await call.parts.store.read(
      [user = call.user, guid = call.guid<AppGuid>()](store::Reader& reader) {
        return manifest_of(reader, require_app(reader, user, guid, Access::write));
      });
  (void)co_await call.response.send(200, {{"Content-Type", "application/x-yaml"}},
                                    manifest_yaml(found));
}

}  // namespace

void add_manifests(Routes& routes) {
  routes.add("POST /v3/spaces/:guid/actions/apply_manifest", apply);
  routes.add("POST /v3/spaces/:guid/manifest_diff", diff);
  routes.add("GET /v3/apps/:guid/manifest", get_manifest);
}

}  // namespace nuri::api

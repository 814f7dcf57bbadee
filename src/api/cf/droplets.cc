#include "api/cf/access.h"
#include "api/cf/apps.h"
#include "api/cf/metadata_json.h"
#include "api/cf/owned.h"
#include "api/cf/resources.h"

namespace nuri::api {
namespace {

using model::Droplet;
using store::Query;

json::array buildpacks_json(const Droplet& droplet) {
  json::array out;
  for (const model::UsedBuildpack& one : droplet.buildpacks)
    out.push_back(json::object{{"name", one.name},
                               {"detect_output", one.detect_output},
                               {"version", one.version},
                               {"buildpack_name", one.name}});
  return out;
}

json::object droplet_json(const Call& call, const Droplet& droplet) {
  const std::string self = "/v3/droplets/" + droplet.guid.str();
  const std::string app = "/v3/apps/" + droplet.app.str();
  json::value error, checksum;
  if (!droplet.error.empty()) error = droplet.error;
  if (!droplet.image.empty())
    checksum = json::object{{"type", "sha256"}, {"value", droplet.image.hex()}};
  json::object types;
  for (const auto& [type, command] : droplet.process_types) types.emplace(type, command);
  json::object links{{"self", call.href(self)},
                     {"app", call.href(app)},
                     {"assign_current_droplet",
                      json::object{{"href", call.link(app + "/relationships/current_droplet")},
                                   {"method", "PATCH"}}}};
  if (droplet.package) links["package"] = call.href("/v3/packages/" + droplet.package.str());
  return {{"guid", droplet.guid.str()},
          {"created_at", rfc3339(droplet.created_at)},
          {"updated_at", rfc3339(droplet.updated_at)},
          {"state", model::to_text(droplet.state)},
          {"error", std::move(error)},
          {"lifecycle", json::object{{"type", "buildpack"}, {"data", json::object()}}},
          {"checksum", std::move(checksum)},
          {"buildpacks", buildpacks_json(droplet)},
          {"stack", droplet.stack},
          {"image", nullptr},
          {"execution_metadata", droplet.execution_metadata},
          {"process_types", std::move(types)},
          {"relationships", json::object{{"app", relation_json(droplet.app.str())}}},
          {"metadata", metadata_json(droplet.metadata)},
          {"links", std::move(links)}};
}

Task<void> answer_list(Call call, OwnerFilter asked, std::optional<PackageGuid> package) {
  const PageRequest wanted = page_request(call.request);
  const auto page = co_await call.parts.store.read(
      [user = call.user, wanted, asked = std::move(asked), package,
       guids = guid_filter<DropletGuid>(call.request, "guids"),
       states = filter(call.request, "states")](store::Reader& reader) {
        Query<Droplet> query;
        if (package) query.where(&Droplet::package, *package);
        if (guids) query.any(&Droplet::guid, *guids);
        keep(query, &Droplet::state, states);
        return owned_page(reader, user, std::move(query), asked, wanted);
      });
  json::array resources;
  for (const Droplet& droplet : page.items) resources.push_back(droplet_json(call, droplet));
  co_await call.answer(200, list_json(call, wanted, page.total, std::move(resources)));
}

Task<void> list_all(Call call) {
  OwnerFilter asked = owner_filter(call.request);
  return answer_list(std::move(call), std::move(asked), std::nullopt);
}

Task<void> list_of_app(Call call) {
  const AppGuid app = call.guid<AppGuid>();
  co_await call.parts.store.read([user = call.user, app](store::Reader& reader) {
    require_app(reader, user, app, Access::read);
  });
  co_await answer_list(std::move(call), owned_by(app), std::nullopt);
}

Task<void> list_of_package(Call call) {
  const auto guid = call.guid<PackageGuid>();
  co_await call.parts.store.read([user = call.user, guid](store::Reader& reader) {
    require_of_app(reader, user, guid, Access::read);
  });
  co_await answer_list(std::move(call), {}, guid);
}

Task<void> get_droplet(Call call) {
  const Droplet droplet = co_await call.parts.store.read(
      [user = call.user, guid = call.guid<DropletGuid>()](store::Reader& reader) {
        return require_of_app(reader, user, guid, Access::read);
      });
  co_await call.answer(200, droplet_json(call, droplet));
}

Task<void> get_current(Call call) {
  const Droplet droplet = co_await call.parts.store.read(
      [user = call.user, guid = call.guid<AppGuid>()](store::Reader& reader) {
        return reader.get(require_app(reader, user, guid, Access::read).current_droplet);
      });
  co_await call.answer(200, droplet_json(call, droplet));
}

Task<void> patch_droplet(Call call) {
  const json::object body = co_await call.json_body();
  const Droplet droplet = co_await call.parts.store.write(
      [act = act_of(call), guid = call.guid<DropletGuid>(), body](store::Writer& tx) {
        Droplet changed = require_of_app(tx, act.user, guid, Access::write);
        patch_metadata(changed.metadata, body);
        changed.updated_at = act.now;
        tx.update(changed);
        return changed;
      });
  co_await call.answer(200, droplet_json(call, droplet));
}

}  // namespace

void add_droplets(Routes& routes) {
  routes.add("GET /v3/droplets", list_all);
  routes.add("GET /v3/droplets/:guid", get_droplet);
  routes.add("PATCH /v3/droplets/:guid", patch_droplet);
  routes.add("GET /v3/apps/:guid/droplets", list_of_app);
  routes.add("GET /v3/apps/:guid/droplets/current", get_current);
  routes.add("GET /v3/packages/:guid/droplets", list_of_package);
}

}  // namespace nuri::api

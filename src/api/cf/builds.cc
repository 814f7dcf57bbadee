#include "api/cf/access.h"
#include "api/cf/apps.h"
#include "api/cf/hold.h"
#include "api/cf/metadata_json.h"
#include "api/cf/owned.h"
#include "api/cf/resources.h"

namespace nuri::api {
namespace {

using model::Build;
using store::Query;

json::value guid_or_null(const std::string& guid) {
  if (guid.empty()) return nullptr;
  return json::object{{"guid", guid}};
}

json::object build_json(const Call& call, const Build& build) {
  const std::string self = "/v3/builds/" + build.guid.str();
  json::value error;
  if (!build.error.empty()) error = build.error;
  json::object links{{"self", call.href(self)}, {"app", call.href("/v3/apps/" + build.app.str())}};
  if (build.droplet) links["droplet"] = call.href("/v3/droplets/" + build.droplet.str());
  return {{"guid", build.guid.str()},
          {"created_at", rfc3339(build.created_at)},
          {"updated_at", rfc3339(build.updated_at)},
          {"state", model::to_text(build.state)},
          {"error", std::move(error)},
          {"staging_memory_in_mb", build.memory_mb},
          {"staging_disk_in_mb", build.disk_mb},
          {"lifecycle", lifecycle_json(build.lifecycle)},
          {"package", guid_or_null(build.package.str())},
          {"droplet", guid_or_null(build.droplet.str())},
          {"created_by", guid_or_null(build.created_by.str())},
          {"relationships", json::object{{"app", relation_json(build.app.str())}}},
          {"metadata", metadata_json(build.metadata)},
          {"links", std::move(links)}};
}

Task<void> list_builds(Call call, OwnerFilter asked) {
  const PageRequest wanted = page_request(call.request);
  const auto page = co_await call.parts.store.read(
      [user = call.user, wanted, asked = std::move(asked),
       guids = guid_filter<BuildGuid>(call.request, "guids"),
       packages = guid_filter<PackageGuid>(call.request, "package_guids"),
       states = filter(call.request, "states")](store::Reader& reader) {
        Query<Build> query;
        if (guids) query.any(&Build::guid, *guids);
        if (packages) query.any(&Build::package, *packages);
        keep(query, &Build::state, states);
        return owned_page(reader, user, std::move(query), asked, wanted);
      });
  json::array resources;
  for (const Build& build : page.items) resources.push_back(build_json(call, build));
  co_await call.answer(200, list_json(call, wanted, page.total, std::move(resources)));
}

Task<void> list_all(Call call) {
  OwnerFilter asked = owner_filter(call.request);
  return list_builds(std::move(call), std::move(asked));
}

Task<void> list_of_app(Call call) {
  const AppGuid app = call.guid<AppGuid>();
  co_await call.parts.store.read([user = call.user, app](store::Reader& reader) {
    require_app(reader, user, app, Access::read);
  });
  co_await list_builds(std::move(call), owned_by(app));
}

Task<void> get_build(Call call) {
  const auto guid = call.guid<BuildGuid>();
  const auto read = [user = call.user, guid](store::Reader& reader) {
    return require_of_app(reader, user, guid, Access::read);
  };
  const Build build = co_await held(
      call, guid, read, [](const Build& now) { return now.state != model::BuildState::staging; });
  co_await call.answer(200, build_json(call, build));
}

// What the package must be, in the field's words.
model::Package package_to_build(store::Reader& reader, const Act& act, const PackageGuid& guid) {
  const auto package = reader.find(guid);
  if (!package || !may(reader, act.user, reader.get(reader.get(package->app).space), Access::read))
    throw Error(Code::unprocessable,
                "Unable to use package. Ensure that the package exists and you have access to it.");
  require_of_app(reader, act.user, guid, Access::write);
  if (package->state != model::PackageState::ready)
    throw Error(Code::bad_request, "Bad request: Cannot stage package whose state is not ready.");
  return *package;
}

int megabytes(const json::object& body, std::string_view key) {
  const std::int64_t value = json::get_int(body, key, 0);
  if (value < 0 || value > limits::kMemoryMb)
    throw Error(Code::unprocessable, std::string(key) + " is out of range");
  return static_cast<int>(value);
}

Task<void> create_build(Call call) {
  const json::object body = co_await call.json_body();
  const Act act = act_of(call);
  Build wanted = made<Build>(act);
  wanted.package = PackageGuid(json::require_string(json::require_object(body, "package"), "guid"));
  wanted.memory_mb = megabytes(body, "staging_memory_in_mb");
  wanted.disk_mb = megabytes(body, "staging_disk_in_mb");
  wanted.created_by = act.user.guid;
  patch_metadata(wanted.metadata, body);
  const Build build = co_await call.parts.store.write([act, wanted, body](store::Writer& tx) {
    Build row = wanted;
    row.app = package_to_build(tx, act, row.package).app;
    const model::App app = tx.get(row.app);
    row.lifecycle = app.lifecycle;
    patch_lifecycle(row.lifecycle, body);
    tx.insert(row);
    audit(tx, act, "audit.app.build.create", app,
          {{"build_guid", row.guid.str()}, {"package_guid", row.package.str()}});
    return row;
  });
  co_await call.answer(201, build_json(call, build));
}

}  // namespace

void add_builds(Routes& routes) {
  routes.add("GET /v3/builds", list_all);
  routes.add("POST /v3/builds", create_build);
  routes.add("GET /v3/builds/:guid", get_build);
  routes.add("GET /v3/apps/:guid/builds", list_of_app);
}

}  // namespace nuri::api

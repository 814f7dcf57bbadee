#include "api/cf/packages.h"

#include "api/cf/access.h"
#include "api/cf/apps.h"
#include "api/cf/done_job.h"
#include "api/cf/hold.h"
#include "api/cf/metadata_json.h"
#include "api/cf/owned.h"
#include "api/cf/resources.h"

namespace nuri::api {
namespace {

using model::Package;
using model::PackageState;
using store::Query;

json::object data_json(const Package& package) {
  if (package.type == model::PackageType::docker)
    return {{"image", package.image}, {"username", nullptr}, {"password", nullptr}};
  json::value digest, error;
  if (!package.files.empty()) digest = package.files.hex();
  if (!package.error.empty()) error = package.error;
  return {{"error", std::move(error)},
          {"checksum", json::object{{"type", "sha256"}, {"value", std::move(digest)}}}};
}

bool ended(const Package& package) {
  return package.state != PackageState::processing_upload && package.state != PackageState::copying;
}

Task<void> list_packages(Call call, OwnerFilter asked) {
  const PageRequest wanted = page_request(call.request);
  const auto page = co_await call.parts.store.read(
      [user = call.user, wanted, asked = std::move(asked),
       guids = guid_filter<PackageGuid>(call.request, "guids"),
       states = filter(call.request, "states"),
       types = filter(call.request, "types")](store::Reader& reader) {
        Query<Package> query;
        if (guids) query.any(&Package::guid, *guids);
        keep(query, &Package::state, states);
        keep(query, &Package::type, types);
        return owned_page(reader, user, std::move(query), asked, wanted);
      });
  json::array resources;
  for (const Package& package : page.items) resources.push_back(package_json(call, package));
  co_await call.answer(200, list_json(call, wanted, page.total, std::move(resources)));
}

Task<void> list_all(Call call) {
  OwnerFilter asked = owner_filter(call.request);
  return list_packages(std::move(call), std::move(asked));
}

Task<void> list_of_app(Call call) {
  const AppGuid app = call.guid<AppGuid>();
  co_await call.parts.store.read([user = call.user, app](store::Reader& reader) {
    require_app(reader, user, app, Access::read);
  });
  co_await list_packages(std::move(call), owned_by(app));
}

Task<void> get_package(Call call) {
  const auto guid = call.guid<PackageGuid>();
  const auto read = [user = call.user, guid](store::Reader& reader) {
    return require_of_app(reader, user, guid, Access::read);
  };
  const Package package = co_await held(call, guid, read, ended);
  co_await call.answer(200, package_json(call, package));
}

// The app that a request names, to which the user may add.
model::App app_to_add_to(store::Reader& reader, const Act& act, const AppGuid& guid) {
  const auto app = reader.find(guid);
  if (!app || !may(reader, act.user, reader.get(app->space), Access::read))
    throw Error(Code::unprocessable, "App is invalid. Ensure it exists and you have access to it.");
  return require_app(reader, act.user, guid, Access::write);
}

Package create(store::Writer& tx, const Act& act, Package package) {
  const model::App app = app_to_add_to(tx, act, package.app);
  tx.insert(package);
  audit(tx, act, "audit.app.package.create", app, {{"package_guid", package.guid.str()}});
  return package;
}

// With the bits of another package: its row, read in the same transaction, keeps the blobs alive.
Package copy(store::Writer& tx, const Act& act, const PackageGuid& source, Package package) {
  const Package from = require_of_app(tx, act.user, source, Access::write);
  if (from.state != PackageState::ready || from.type != model::PackageType::bits)
    throw Error(Code::unprocessable, "Source package is invalid: it must be READY and hold bits");
  package.type = from.type;
  package.state = PackageState::ready;
  package.files = from.files;
  package.size_bytes = from.size_bytes;
  return create(tx, act, std::move(package));
}

Task<void> create_package(Call call) {
  const json::object body = co_await call.json_body();
  const Act act = act_of(call);
  Package package = made<Package>(act);
  package.app = AppGuid(require_relation(body, "app"));
  patch_metadata(package.metadata, body);
  const auto source = call.request.parameter("source_guid");
  if (!source) {
    const std::string type = json::require_string(body, "type");
    if (type == "docker")
      throw Error(Code::unprocessable,
                  "Packages of type docker are not supported here yet: push source code instead");
    if (type != "bits") throw Error(Code::unprocessable, "Type must be one of 'bits', 'docker'");
  }
  package = co_await call.parts.store.write([act, package, source](store::Writer& tx) {
    return source ? copy(tx, act, PackageGuid(*source), package) : create(tx, act, package);
  });
  co_await call.answer(201, package_json(call, package));
}

Task<void> patch_package(Call call) {
  const json::object body = co_await call.json_body();
  const Package package = co_await call.parts.store.write(
      [act = act_of(call), guid = call.guid<PackageGuid>(), body](store::Writer& tx) {
        Package changed = require_of_app(tx, act.user, guid, Access::write);
        patch_metadata(changed.metadata, body);
        changed.updated_at = act.now;
        tx.update(changed);
        return changed;
      });
  co_await call.answer(200, package_json(call, package));
}

Task<void> delete_package(Call call) {
  const JobGuid job = co_await call.parts.store.write(
      [act = act_of(call), guid = call.guid<PackageGuid>()](store::Writer& tx) {
        const Package package = require_of_app(tx, act.user, guid, Access::write);
        audit(tx, act, "audit.app.package.delete", tx.get(package.app),
              {{"package_guid", guid.str()}});
        tx.erase(guid);
        return insert_done_job(tx, act, "package.delete", "package", guid.str()).guid;
      });
  co_await call.answer_job(job);
}

}  // namespace

json::object package_json(const Call& call, const Package& package) {
  const std::string self = "/v3/packages/" + package.guid.str();
  return {{"guid", package.guid.str()},
          {"created_at", rfc3339(package.created_at)},
          {"updated_at", rfc3339(package.updated_at)},
          {"type", model::to_text(package.type)},
          {"state", model::to_text(package.state)},
          {"data", data_json(package)},
          {"relationships", json::object{{"app", relation_json(package.app.str())}}},
          {"metadata", metadata_json(package.metadata)},
          {"links", json::object{{"self", call.href(self)},
                                 {"upload", json::object{{"href", call.link(self + "/upload")},
                                                         {"method", "POST"}}},
                                 {"app", call.href("/v3/apps/" + package.app.str())}}}};
}

void add_packages(Routes& routes) {
  routes.add("GET /v3/packages", list_all);
  routes.add("POST /v3/packages", create_package);
  routes.add("GET /v3/packages/:guid", get_package);
  routes.add("PATCH /v3/packages/:guid", patch_package);
  routes.add("DELETE /v3/packages/:guid", delete_package);
  routes.add("GET /v3/apps/:guid/packages", list_of_app);
  add_package_upload(routes);
}

}  // namespace nuri::api

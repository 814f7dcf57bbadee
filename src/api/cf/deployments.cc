#include <fmt/format.h>

#include "api/cf/access.h"
#include "api/cf/apps.h"
#include "api/cf/hold.h"
#include "api/cf/listing.h"
#include "api/cf/metadata_json.h"
#include "api/cf/processes.h"
#include "api/cf/releases.h"
#include "api/cf/resources.h"

namespace nuri::api {
namespace {

using model::App;
using model::Deployment;
using model::DeploymentReason;
using model::DeploymentState;
using store::Query;

// A deployment and what its answer needs besides.
struct Shown {
  Deployment deployment;
  int revision_version = 0;
  std::vector<model::Process> processes;
};

Shown shown(store::Reader& reader, Deployment deployment) {
  Shown out;
  if (const auto revision = reader.find(deployment.revision))
    out.revision_version = revision->version;
  out.processes = processes_of(reader, deployment.app);
  out.deployment = std::move(deployment);
  return out;
}

// Clients know no FAILED and would wait on: for them it was cancelled, and `error` says why.
std::string_view reason_word(DeploymentReason reason) {
  return model::to_text(reason == DeploymentReason::failed ? DeploymentReason::canceled : reason);
}

json::object status_json(const Deployment& deployment) {
  json::object details{{"last_status_change", rfc3339(deployment.last_status_change)}};
  if (!deployment.error.empty()) details["error"] = deployment.error;
  return {{"value", model::to_text(deployment.state)},
          {"reason", reason_word(deployment.reason)},
          {"details", std::move(details)}};
}

json::value reference(const std::string& guid) {
  if (guid.empty()) return nullptr;
  return json::object{{"guid", guid}};
}

json::object deployment_json(const Call& call, const Shown& shown) {
  const Deployment& deployment = shown.deployment;
  const std::string self = "/v3/deployments/" + deployment.guid.str();
  json::array processes;
  for (const auto& process : shown.processes)
    if (process.type == "web")
      processes.push_back(json::object{{"guid", process.guid.str()}, {"type", process.type}});
  json::value revision;
  if (shown.revision_version > 0)
    revision =
        json::object{{"guid", deployment.revision.str()}, {"version", shown.revision_version}};
  return {
      {"guid", deployment.guid.str()},
      {"created_at", rfc3339(deployment.created_at)},
      {"updated_at", rfc3339(deployment.updated_at)},
      {"status", status_json(deployment)},
      {"strategy", model::to_text(deployment.strategy)},
      {"options", json::object{{"max_in_flight", deployment.options.max_in_flight}}},
      {"droplet", reference(deployment.droplet.str())},
      {"previous_droplet", reference(deployment.previous_droplet.str())},
      {"new_processes", std::move(processes)},
      {"revision", std::move(revision)},
      {"metadata", metadata_json(deployment.metadata)},
      {"relationships", json::object{{"app", relation_json(deployment.app.str())}}},
      {"links", json::object{{"self", call.href(self)},
                             {"app", call.href("/v3/apps/" + deployment.app.str())},
                             {"cancel", json::object{{"href", call.link(self + "/actions/cancel")},
                                                     {"method", "POST"}}}}}};
}

model::Strategy strategy_of(const json::object& body) {
  const std::string text = json::get_string(body, "strategy", "rolling");
  const auto strategy = model::from_text<model::Strategy>(text);
  if (!strategy || *strategy == model::Strategy::canary)
    throw Error(Code::unprocessable,
                fmt::format("Strategy '{}' is not a supported deployment strategy", text));
  return *strategy;
}

// Takes back what a revision changed: droplet, environment and commands. Returns the description.
std::string roll_back(store::Writer& tx, const Act& act, App& app, const RevisionGuid& guid) {
  const auto revision = tx.find(guid);
  if (!revision || revision->app != app.guid)
    throw Error(Code::unprocessable, "The revision does not exist");
  if (!revision->deployable || !revision->droplet)
    throw Error(Code::unprocessable,
                "Unable to deploy this revision, the droplet for this revision no longer exists.");
  assign_droplet(tx, act, app, revision->droplet);
  app.env = revision->env;
  tx.update(app);
  for (const auto& settings : revision->processes) {
    for (auto& process : processes_of(tx, app.guid)) {
      if (process.type != settings.type) continue;
      process.command = settings.command;
      save_process(tx, act, app, process, "audit.app.process.update",
                   {{"revision_guid", guid.str()}});
    }
  }
  return fmt::format("Rolled back to revision {}.", revision->version);
}

// options.web_instances, .memory_in_mb, …: the web process is scaled with the deployment.
void scale_web(store::Writer& tx, const Act& act, const App& app, json::object options) {
  if (const auto* instances = options.if_contains("web_instances"))
    options["instances"] = json::value(*instances);
  auto web = process_of_type(tx, app.guid, "web");
  patch_scale(web, options);
  save_process(tx, act, app, web, "audit.app.process.scale", options);
}

std::string guid_in(const json::object& body, std::string_view key) {
  const auto* found = json::find_object(body, key);
  return found ? json::require_string(*found, "guid") : std::string();
}

Deployment deploy(store::Writer& tx, const Act& act, const json::object& body) {
  App app = require_app(tx, act.user, AppGuid(require_relation(body, "app")), Access::write);
  const RevisionGuid revision(guid_in(body, "revision"));
  const DropletGuid droplet(guid_in(body, "droplet"));
  if (revision && droplet)
    throw Error(Code::unprocessable, "Cannot set both fields 'droplet' and 'revision'");
  plan::ReleaseWish wish;
  wish.strategy = strategy_of(body);
  if (revision) wish.description = roll_back(tx, act, app, revision);
  if (droplet && droplet != app.current_droplet) assign_droplet(tx, act, app, droplet);
  if (const auto* options = json::find_object(body, "options")) {
    const std::int64_t most = json::get_int(*options, "max_in_flight", 1);
    if (most < 1 || most > limits::kInstancesPerProcess)
      throw Error(Code::unprocessable, "Max in flight must be greater than 0");
    wish.options.max_in_flight = static_cast<int>(most);
    scale_web(tx, act, app, *options);
  }
  Deployment deployment = release_app(tx, act, app, wish);
  patch_metadata(deployment.metadata, body);
  tx.update(deployment);
  audit(tx, act, "audit.app.deployment.create", app,
        {{"deployment_guid", deployment.guid.str()},
         {"droplet_guid", deployment.droplet.str()},
         {"type", revision  ? "rollback"
                  : droplet ? "deploy"
                            : "restart"}});
  return deployment;
}

Task<void> create_deployment(Call call) {
  const json::object body = co_await call.json_body();
  const Shown made = co_await call.parts.store.write(
      [act = act_of(call), body](store::Writer& tx) { return shown(tx, deploy(tx, act, body)); });
  co_await call.answer(201, deployment_json(call, made));
}

std::optional<std::vector<DeploymentReason>> reason_filter(const http::Request& request) {
  const auto words = filter(request, "status_reasons");
  if (!words) return std::nullopt;
  std::vector<DeploymentReason> out;
  for (const auto& word : *words) {
    const auto reason = model::from_text<DeploymentReason>(word);
    if (reason) out.push_back(*reason);
    if (reason == DeploymentReason::canceled) out.push_back(DeploymentReason::failed);
  }
  return out;
}

std::optional<std::vector<DeploymentState>> state_filter(const http::Request& request) {
  const auto words = filter(request, "status_values");
  if (!words) return std::nullopt;
  std::vector<DeploymentState> out;
  for (const auto& word : *words)
    if (const auto state = model::from_text<DeploymentState>(word)) out.push_back(*state);
  return out;
}

struct ShownPage {
  std::vector<Shown> items;
  std::int64_t total = 0;
};

Task<void> list_deployments(Call call) {
  const PageRequest wanted = page_request(call.request);
  const auto page = co_await call.parts.store.read(
      [user = call.user, wanted, guids = guid_filter<DeploymentGuid>(call.request, "guids"),
       apps = guid_filter<AppGuid>(call.request, "app_guids"), states = state_filter(call.request),
       reasons = reason_filter(call.request)](store::Reader& reader) {
        Query<Deployment> query;
        if (const auto allowed = both(visible_apps(reader, user), apps))
          query.any(&Deployment::app, *allowed);
        if (guids) query.any(&Deployment::guid, *guids);
        if (states) query.any(&Deployment::state, *states);
        if (reasons) query.any(&Deployment::reason, *reasons);
        apply(query, wanted);
        auto found = reader.list(query);
        ShownPage out{{}, found.total};
        for (auto& deployment : found.items) out.items.push_back(shown(reader, deployment));
        return out;
      });
  json::array resources;
  for (const Shown& one : page.items) resources.push_back(deployment_json(call, one));
  co_await call.answer(200, list_json(call, wanted, page.total, std::move(resources)));
}

Task<void> get_deployment(Call call) {
  const Shown found = co_await held(
      call, call.guid<DeploymentGuid>(),
      [user = call.user, guid = call.guid<DeploymentGuid>()](store::Reader& reader) {
        return shown(reader, require_of_app(reader, user, guid, Access::read));
      },
      [](const Shown& seen) { return seen.deployment.state == DeploymentState::finalized; });
  co_await call.answer(200, deployment_json(call, found));
}

Task<void> patch_deployment(Call call) {
  const json::object body = co_await call.json_body();
  const Shown done = co_await call.parts.store.write(
      [act = act_of(call), guid = call.guid<DeploymentGuid>(), body](store::Writer& tx) {
        auto deployment = require_of_app(tx, act.user, guid, Access::write);
        patch_metadata(deployment.metadata, body);
        deployment.updated_at = act.now;
        tx.update(deployment);
        return shown(tx, std::move(deployment));
      });
  co_await call.answer(200, deployment_json(call, done));
}

// The old version goes on, and is what the next start runs.
void cancel(store::Writer& tx, const Act& act, Deployment deployment) {
  if (deployment.state != DeploymentState::active)
    throw Error(Code::unprocessable,
                fmt::format("Cannot cancel a {} deployment", model::to_text(deployment.state)));
  if (deployment.reason == DeploymentReason::canceling) return;
  deployment.reason = DeploymentReason::canceling;
  deployment.last_status_change = deployment.updated_at = act.now;
  tx.update(deployment);
  App app = tx.get(deployment.app);
  if (deployment.previous_droplet && app.current_droplet == deployment.droplet &&
      tx.find(deployment.previous_droplet)) {
    app.current_droplet = deployment.previous_droplet;
    app.updated_at = act.now;
    tx.update(app);
  }
  audit(tx, act, "audit.app.deployment.cancel", app, {{"deployment_guid", deployment.guid.str()}});
}

Task<void> cancel_deployment(Call call) {
  co_await call.parts.store.write(
      [act = act_of(call), guid = call.guid<DeploymentGuid>()](store::Writer& tx) {
        cancel(tx, act, require_of_app(tx, act.user, guid, Access::write));
      });
  co_await call.answer_empty(200);
}

// Nothing pauses before there are canaries.
Task<void> continue_deployment(Call call) {
  const Deployment found = co_await call.parts.store.read(
      [user = call.user, guid = call.guid<DeploymentGuid>()](store::Reader& reader) {
        return require_of_app(reader, user, guid, Access::write);
      });
  throw Error(Code::unprocessable,
              fmt::format("Cannot continue a deployment with status: {} and reason: {}",
                          model::to_text(found.state), reason_word(found.reason)));
}

}  // namespace

void add_deployments(Routes& routes) {
  routes.add("GET /v3/deployments", list_deployments);
  routes.add("POST /v3/deployments", create_deployment);
  routes.add("GET /v3/deployments/:guid", get_deployment);
  routes.add("PATCH /v3/deployments/:guid", patch_deployment);
  routes.add("POST /v3/deployments/:guid/actions/cancel", cancel_deployment);
  routes.add("POST /v3/deployments/:guid/actions/continue", continue_deployment);
}

}  // namespace nuri::api

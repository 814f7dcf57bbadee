#include "api/cf/manifest_apply.h"

#include <fmt/format.h>

#include "api/cf/apps.h"
#include "api/cf/manifest_routes.h"
#include "api/cf/processes.h"

namespace nuri::api {
namespace {

using model::App;
using model::ManifestApp;
using model::ManifestProcess;
using model::Process;
using store::Query;

App find_or_create(store::Writer& tx, const Act& act, const model::Space& space,
                   const ManifestApp& wanted) {
  auto found = tx.first(Query<App>().where(&App::space, space.guid).where(&App::name, wanted.name));
  if (found) return std::move(*found);
  App app = made<App>(act);
  app.name = wanted.name;
  app.space = space.guid;
  insert_app(tx, act, app);
  return app;
}

void merge_app(App& app, const ManifestApp& wanted) {
  if (wanted.buildpacks) app.lifecycle.buildpacks = *wanted.buildpacks;
  for (const auto& [name, value] : wanted.env) app.env[name] = value;
  for (const auto& [name, value] : wanted.metadata.labels) app.metadata.labels[name] = value;
  for (const auto& [name, value] : wanted.metadata.annotations)
    app.metadata.annotations[name] = value;
}

// Only the names of what was changed: values may be secrets.
json::object what_is_said(const ManifestApp& wanted) {
  json::object out{{"manifest_triggered", true}};
  json::array env;
  for (const auto& [name, value] : wanted.env) env.emplace_back(name);
  if (!env.empty()) out["environment_variables"] = std::move(env);
  return out;
}

void apply_app(store::Writer& tx, const Act& act, App& app, const ManifestApp& wanted) {
  App changed = app;
  merge_app(changed, wanted);
  if (changed == app) return;
  changed.updated_at = act.now;
  model::validate(changed);
  tx.update(changed);
  audit(tx, act, "audit.app.update", changed, what_is_said(wanted));
  app = std::move(changed);
}

// Whether only what `scale` changes differs.
bool is_scale(const Process& before, const Process& after) {
  Process scaled = before;
  scaled.instances = after.instances;
  scaled.memory_mb = after.memory_mb;
  scaled.disk_mb = after.disk_mb;
  return scaled == after;
}

json::object scale_json(const Process& process) {
  return {{"manifest_triggered", true},
          {"instances", process.instances},
          {"memory_in_mb", process.memory_mb},
          {"disk_in_mb", process.disk_mb}};
}

void apply_process(store::Writer& tx, const Act& act, const App& app,
                   const ManifestProcess& wanted) {
  auto found =
      tx.first(Query<Process>().where(&Process::app, app.guid).where(&Process::type, wanted.type));
  if (!found) {
    auto process = made<Process>(act);
    process.app = app.guid;
    process.type = wanted.type;
    process.instances = wanted.type == "web" ? 1 : 0;
    if (wanted.type != "web") process.health_check.type = model::HealthCheckType::process;
    merge_process(process, wanted);
    model::validate(static_cast<const model::ProcessSettings&>(process));
    tx.insert(process);
    json::object data = scale_json(process);
    data["process_type"] = process.type;
    audit(tx, act, "audit.app.process.create", app, std::move(data));
    return;
  }
  Process process = *found;
  merge_process(process, wanted);
  if (is_scale(*found, process))
    save_process(tx, act, app, process, "audit.app.process.scale", scale_json(process));
  else
    save_process(tx, act, app, process, "audit.app.process.update", {{"manifest_triggered", true}});
}

void note_stack(const ManifestApp& wanted, std::vector<std::string>& warnings) {
  if (wanted.stack && !wanted.stack->empty() && *wanted.stack != kStack)
    warnings.push_back(fmt::format("app {}: there is no stack '{}' here; '{}' is used", wanted.name,
                                   *wanted.stack, kStack));
}

}  // namespace

void merge_process(model::ProcessSettings& settings, const ManifestProcess& wanted) {
  if (wanted.instances) settings.instances = *wanted.instances;
  if (wanted.memory_mb) settings.memory_mb = *wanted.memory_mb;
  if (wanted.disk_mb) settings.disk_mb = *wanted.disk_mb;
  if (wanted.command) {
    if (wanted.command->empty())
      settings.command.reset();
    else
      settings.command = wanted.command;
  }
  model::HealthCheck& check = settings.health_check;
  auto type = wanted.health_check_type;
  if (!type && wanted.health_check_endpoint) type = model::HealthCheckType::http;
  // Of another type nothing stays but the start-up limit.
  if (type && *type != check.type) check = {*type, {}, {}, {}, check.timeout_s};
  if (wanted.health_check_endpoint) check.endpoint = *wanted.health_check_endpoint;
  if (wanted.health_check_interval_s) check.interval_s = wanted.health_check_interval_s;
  if (wanted.health_check_invocation_timeout_s)
    check.invocation_timeout_s = wanted.health_check_invocation_timeout_s;
  if (wanted.timeout_s) check.timeout_s = wanted.timeout_s;
}

std::vector<std::string> apply_manifest(store::Writer& tx, const Act& act,
                                        const model::Space& space, const model::Manifest& manifest,
                                        int apps_port) {
  std::vector<std::string> warnings = manifest.warnings;
  if (manifest.apps.empty()) throw Error(Code::unprocessable, "The manifest names no applications");
  std::size_t index = 0;
  for (const ManifestApp& wanted : manifest.apps) {
    if (wanted.name.empty())
      throw Error(Code::unprocessable,
                  fmt::format("For application at index {}: Name must not be blank", index));
    ++index;
    try {
      App app = find_or_create(tx, act, space, wanted);
      apply_app(tx, act, app, wanted);
      apply_process(tx, act, app, wanted.web);
      for (const ManifestProcess& process : wanted.processes) apply_process(tx, act, app, process);
      apply_routes(tx, act, space, app, wanted, apps_port);
      audit(tx, act, "audit.app.apply_manifest", app);
    } catch (const Error& error) {
      throw error.within(fmt::format("For application '{}'", wanted.name));
    }
    note_stack(wanted, warnings);
  }
  return warnings;
}

}  // namespace nuri::api

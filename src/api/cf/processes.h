#pragma once

// What other resources need of processes.

#include <vector>

#include "api/cf/access.h"
#include "api/cf/audit.h"
#include "api/cf/call.h"
#include "model/app.h"
#include "store/store.h"

namespace nuri::api {

std::vector<model::Process> processes_of(store::Reader& reader, const AppGuid& app);
// Throws Error{not_found} "Process not found".
model::Process process_of_type(store::Reader& reader, const AppGuid& app, std::string_view type);

// A process as a path names it: by its guid, or (where that is empty) as an app's process of a
// type.
struct ProcessName {
  ProcessGuid process;
  AppGuid app;
  std::string type;
};
// As require_of_app: not_found "Process not found" or "App not found", or forbidden.
model::Process require_process(store::Reader& reader, const model::User& user,
                               const ProcessName& name, Access access);

// A request to scale: {instances, memory_in_mb, disk_in_mb, log_rate_limit_in_bytes_per_second},
// what is absent stays. Throws Error{unprocessable}.
void patch_scale(model::ProcessSettings& settings, const json::object& body);
// {type, data:{endpoint, invocation_timeout, interval, timeout}}; `data` is replaced as a whole.
void patch_health_check(model::HealthCheck& check, const json::object& given);

// Validates, counts `version` up if what runs must change, updates the row and writes the event
// (audit.app.process.update or .scale). True if the row changed.
bool save_process(store::Writer& tx, const Act& act, const model::App& app, model::Process process,
                  std::string_view event, json::object data);

// Adds a handler under both names of a process: /v3/processes/:guid and
// /v3/apps/:guid/processes/:type, each followed by `path`.
using ProcessHandler = Task<void> (*)(Call, ProcessName);
void add_process(Routes& routes, std::string_view method, std::string_view path,
                 ProcessHandler handler);
void add_process_stats(Routes& routes);

}  // namespace nuri::api

#pragma once

// What other resources need of processes.

#include <vector>

#include "api/cf/audit.h"
#include "api/cf/call.h"
#include "model/app.h"
#include "store/store.h"

namespace nuri::api {

std::vector<model::Process> processes_of(store::Reader& reader, const AppGuid& app);
// Throws Error{not_found} "Process not found".
model::Process process_of_type(store::Reader& reader, const AppGuid& app, std::string_view type);

// A request to scale: {instances, memory_in_mb, disk_in_mb, log_rate_limit_in_bytes_per_second},
// what is absent stays. Throws Error{unprocessable}.
void patch_scale(model::ProcessSettings& settings, const json::object& body);
// {type, data:{endpoint, invocation_timeout, interval, timeout}}; `data` is replaced as a whole.
void patch_health_check(model::HealthCheck& check, const json::object& given);

// Validates, counts `version` up if what runs must change, updates the row and writes the event
// (audit.app.process.update or .scale). True if the row changed.
bool save_process(store::Writer& tx, const Act& act, const model::App& app, model::Process process,
                  std::string_view event, json::object data);

void add_process_stats(Routes& routes);

}  // namespace nuri::api

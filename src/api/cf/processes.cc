#include "api/cf/processes.h"

#include <fmt/format.h>

#include "api/cf/access.h"
#include "api/cf/apps.h"
#include "api/cf/listing.h"
#include "api/cf/metadata_json.h"
#include "api/cf/resources.h"

namespace nuri::api {
namespace {

using model::App;
using model::Process;
using store::Query;

json::object check_json(const model::HealthCheck& check) {
  json::object data;
  if (check.type != model::HealthCheckType::process || check.timeout_s)
    data["timeout"] = check.timeout_s ? json::value(*check.timeout_s) : json::value();
  if (check.type != model::HealthCheckType::process) {
    data["invocation_timeout"] =
        check.invocation_timeout_s ? json::value(*check.invocation_timeout_s) : json::value();
    data["interval"] = check.interval_s ? json::value(*check.interval_s) : json::value();
  }
  if (check.type == model::HealthCheckType::http)
    data["endpoint"] = check.endpoint.empty() ? "/" : check.endpoint;
  return {{"type", model::to_text(check.type)}, {"data", std::move(data)}};
}

json::object links_of(const Call& call, const Process& process) {
  const std::string self = "/v3/processes/" + process.guid.str();
  return {{"self", call.href(self)},
          {"scale", json::object{{"href", call.link(self + "/actions/scale")}, {"method", "POST"}}},
          {"app", call.href("/v3/apps/" + process.app.str())},
          {"stats", call.href(self + "/stats")}};
}

// A process and what its answer needs besides.
struct Shown {
  Process process;
  RevisionGuid revision;
  json::value command;
};

json::object process_json(const Call& call, const Shown& shown) {
  const Process& process = shown.process;
  return {{"guid", process.guid.str()},
          {"created_at", rfc3339(process.created_at)},
          {"updated_at", rfc3339(process.updated_at)},
          {"version", process.version},
          {"type", process.type},
          {"command", shown.command},
          {"user", "vcap"},
          {"instances", process.instances},
          {"memory_in_mb", process.memory_mb},
          {"disk_in_mb", process.disk_mb},
          {"log_rate_limit_in_bytes_per_second", process.log_rate_limit_bytes},
          {"health_check", check_json(process.health_check)},
          {"readiness_health_check", check_json(process.readiness_check)},
          {"relationships", json::object{{"app", relation_json(process.app.str())},
                                         {"revision", relation_json(shown.revision.str())}}},
          {"metadata", metadata_json(process.metadata)},
          {"links", links_of(call, process)}};
}

// With the command that it runs: its own, or its droplet's.
Shown shown(store::Reader& reader, Process process) {
  const App app = reader.get(process.app);
  json::value command;
  if (process.command) {
    command = *process.command;
  } else if (const auto droplet = reader.find(app.current_droplet)) {
    const auto found = droplet->process_types.find(process.type);
    if (found != droplet->process_types.end()) command = found->second;
  }
  return {std::move(process), app.current_revision, std::move(command)};
}

// A list shows no commands: they may hold secrets (CAPI v3).
Shown listed(store::Reader& reader, Process process) {
  json::value command;
  if (process.command) command = "[PRIVATE DATA HIDDEN IN LISTS]";
  const RevisionGuid revision = reader.get(process.app).current_revision;
  return {std::move(process), revision, std::move(command)};
}

struct ShownPage {
  std::vector<Shown> items;
  std::int64_t total = 0;
};

ShownPage page_of(store::Reader& reader, Query<Process> query, const PageRequest& wanted) {
  apply(query, wanted);
  auto page = reader.list(query);
  ShownPage out{{}, page.total};
  for (Process& process : page.items) out.items.push_back(listed(reader, std::move(process)));
  return out;
}

Task<void> answer_page(Call& call, const PageRequest& wanted, const ShownPage& page) {
  json::array resources;
  for (const Shown& one : page.items) resources.push_back(process_json(call, one));
  co_await call.answer(200, list_json(call, wanted, page.total, std::move(resources)));
}

Task<void> list_processes(Call call) {
  const PageRequest wanted = page_request(call.request);
  const auto page = co_await call.parts.store.read(
      [user = call.user, wanted, guids = guid_filter<ProcessGuid>(call.request, "guids"),
       types = filter(call.request, "types"),
       apps = guid_filter<AppGuid>(call.request, "app_guids"),
       spaces = guid_filter<SpaceGuid>(call.request, "space_guids")](store::Reader& reader) {
        auto allowed = both(visible_apps(reader, user), apps);
        if (spaces) {
          std::vector<AppGuid> there;
          for (const App& app : reader.all(Query<App>().any(&App::space, *spaces)))
            there.push_back(app.guid);
          allowed = both(std::move(allowed), {std::move(there)});
        }
        Query<Process> query;
        if (allowed) query.any(&Process::app, *allowed);
        if (guids) query.any(&Process::guid, *guids);
        if (types) query.any(&Process::type, *types);
        return page_of(reader, std::move(query), wanted);
      });
  co_await answer_page(call, wanted, page);
}

Task<void> list_of_app(Call call) {
  const PageRequest wanted = page_request(call.request);
  const auto page = co_await call.parts.store.read(
      [user = call.user, app = call.guid<AppGuid>(), wanted,
       types = filter(call.request, "types")](store::Reader& reader) {
        require_app(reader, user, app, Access::read);
        Query<Process> query;
        query.where(&Process::app, app);
        if (types) query.any(&Process::type, *types);
        return page_of(reader, std::move(query), wanted);
      });
  co_await answer_page(call, wanted, page);
}

Task<void> get_process(Call call, ProcessName name) {
  const Shown found =
      co_await call.parts.store.read([user = call.user, name](store::Reader& reader) {
        return shown(reader, require_process(reader, user, name, Access::read));
      });
  co_await call.answer(200, process_json(call, found));
}

// The parts of the body that name secrets are not kept in the audit trail.
json::object without_command(json::object body) {
  if (body.contains("command")) body["command"] = "[PRIVATE DATA HIDDEN]";
  return body;
}

Task<void> patch_process(Call call, ProcessName name) {
  const json::object body = co_await call.json_body();
  const Shown done =
      co_await call.parts.store.write([act = act_of(call), name, body](store::Writer& tx) {
        Process process = require_process(tx, act.user, name, Access::write);
        if (const auto* command = body.if_contains("command")) {
          if (command->is_null())
            process.command.reset();
          else
            process.command = json::require_string(body, "command");
        }
        if (const auto* check = json::find_object(body, "health_check"))
          patch_health_check(process.health_check, *check);
        if (const auto* check = json::find_object(body, "readiness_health_check"))
          patch_health_check(process.readiness_check, *check);
        patch_metadata(process.metadata, body);
        save_process(tx, act, tx.get(process.app), process, "audit.app.process.update",
                     without_command(body));
        return shown(tx, tx.get(process.guid));
      });
  co_await call.answer(200, process_json(call, done));
}

Task<void> scale_process(Call call, ProcessName name) {
  const json::object body = co_await call.json_body();
  const Shown done =
      co_await call.parts.store.write([act = act_of(call), name, body](store::Writer& tx) {
        Process process = require_process(tx, act.user, name, Access::write);
        patch_scale(process, body);
        save_process(tx, act, tx.get(process.app), process, "audit.app.process.scale", body);
        return shown(tx, tx.get(process.guid));
      });
  co_await call.answer(202, process_json(call, done));
}

Task<void> list_sidecars(Call call, ProcessName name) {
  co_await call.parts.store.read([user = call.user, name](store::Reader& reader) {
    require_process(reader, user, name, Access::read);
  });
  co_await call.answer(200, list_json(call, page_request(call.request), 0, {}));
}

std::optional<int> seconds(const json::object& data, std::string_view key) {
  const json::value* found = data.if_contains(key);
  if (!found || found->is_null()) return std::nullopt;
  const std::int64_t value = json::require_int(data, key);
  if (value < 1 || value > limits::kCheckSeconds)
    throw Error(Code::unprocessable, fmt::format("Health check {} must be between 1 and {} seconds",
                                                 key, limits::kCheckSeconds));
  return static_cast<int>(value);
}

void patch_int(int& member, const json::object& body, std::string_view key) {
  const std::int64_t value = json::get_int(body, key, member);
  if (value != static_cast<int>(value))
    throw Error(Code::unprocessable, fmt::format("{} is out of range", key));
  member = static_cast<int>(value);
}

}  // namespace

std::vector<Process> processes_of(store::Reader& reader, const AppGuid& app) {
  return reader.all(Query<Process>().where(&Process::app, app));
}

Process process_of_type(store::Reader& reader, const AppGuid& app, std::string_view type) {
  const auto found = reader.first(
      Query<Process>().where(&Process::app, app).where(&Process::type, std::string(type)));
  return found ? *found : reader.get(ProcessGuid());
}

Process require_process(store::Reader& reader, const model::User& user, const ProcessName& name,
                        Access access) {
  if (name.process) return require_of_app(reader, user, name.process, access);
  require_app(reader, user, name.app, access);
  return process_of_type(reader, name.app, name.type);
}

void patch_scale(model::ProcessSettings& settings, const json::object& body) {
  patch_int(settings.instances, body, "instances");
  patch_int(settings.memory_mb, body, "memory_in_mb");
  patch_int(settings.disk_mb, body, "disk_in_mb");
  settings.log_rate_limit_bytes =
      json::get_int(body, "log_rate_limit_in_bytes_per_second", settings.log_rate_limit_bytes);
  model::validate(settings);
}

void patch_health_check(model::HealthCheck& check, const json::object& given) {
  const std::string type = json::get_string(given, "type", model::to_text(check.type));
  const auto known = model::from_text<model::HealthCheckType>(type);
  if (!known)
    throw Error(Code::unprocessable,
                "Health check type must be \"port\", \"process\", or \"http\"");
  // Of another type nothing stays but the start-up limit.
  if (*known != check.type) check = {*known, {}, {}, {}, check.timeout_s};
  if (const auto* data = json::find_object(given, "data")) {
    if (data->contains("timeout")) check.timeout_s = seconds(*data, "timeout");
    if (data->contains("interval")) check.interval_s = seconds(*data, "interval");
    if (data->contains("invocation_timeout"))
      check.invocation_timeout_s = seconds(*data, "invocation_timeout");
    if (data->contains("endpoint")) check.endpoint = json::get_string(*data, "endpoint");
  }
  model::validate(check);
}

bool save_process(store::Writer& tx, const Act& act, const App& app, Process process,
                  std::string_view event, json::object data) {
  const Process before = tx.get(process.guid);
  if (process == before) return false;
  model::validate(static_cast<const model::ProcessSettings&>(process));
  model::ProcessSettings scaled = before;
  scaled.instances = process.instances;
  if (scaled != static_cast<const model::ProcessSettings&>(process)) ++process.version;
  process.updated_at = act.now;
  tx.update(process);
  data["process_guid"] = process.guid.str();
  data["process_type"] = process.type;
  audit(tx, act, event, app, std::move(data));
  return true;
}

void add_process(Routes& routes, std::string_view method, std::string_view path,
                 ProcessHandler handler) {
  routes.add(fmt::format("{} /v3/processes/:guid{}", method, path), [handler](Call call) {
    ProcessName name{call.guid<ProcessGuid>(), {}, {}};
    return handler(std::move(call), std::move(name));
  });
  routes.add(fmt::format("{} /v3/apps/:guid/processes/:type{}", method, path),
             [handler](Call call) {
               ProcessName name{{}, call.guid<AppGuid>(), call.params["type"]};
               return handler(std::move(call), std::move(name));
             });
}

void add_processes(Routes& routes) {
  routes.add("GET /v3/processes", list_processes);
  routes.add("GET /v3/apps/:guid/processes", list_of_app);
  add_process(routes, "GET", "", get_process);
  add_process(routes, "PATCH", "", patch_process);
  add_process(routes, "POST", "/actions/scale", scale_process);
  add_process(routes, "GET", "/sidecars", list_sidecars);
  add_process_stats(routes);
}

}  // namespace nuri::api

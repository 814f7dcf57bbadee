#include "api/cf/manifest_text.h"

#include <yaml-cpp/yaml.h>

#include "api/cf/apps.h"
#include "api/cf/metadata_json.h"
#include "api/cf/processes.h"
#include "api/cf/route_options.h"
#include "api/cf/route_rows.h"
#include "model/manifest.h"

namespace nuri::api {
namespace {

using store::Query;

template <class T>
void put(json::object& out, std::string_view key, const std::optional<T>& value) {
  if (value) out[key] = *value;
}

json::object process_of(const model::Process& process) {
  json::object out{{"type", process.type},
                   {"instances", process.instances},
                   {"memory", model::format_megabytes(process.memory_mb)},
                   {"disk_quota", model::format_megabytes(process.disk_mb)}};
  put(out, "command", process.command);
  const model::HealthCheck& check = process.health_check;
  out["health-check-type"] = model::to_text(check.type);
  if (check.type == model::HealthCheckType::http)
    out["health-check-http-endpoint"] = check.endpoint.empty() ? "/" : check.endpoint;
  put(out, "health-check-interval", check.interval_s);
  put(out, "health-check-invocation-timeout", check.invocation_timeout_s);
  put(out, "timeout", check.timeout_s);
  return out;
}

json::array routes_of(store::Reader& reader, const AppGuid& app) {
  json::array out;
  for (const auto& one :
       reader.all(Query<model::Destination>().where(&model::Destination::app, app))) {
    const auto route = reader.get(one.route);
    json::object entry{{"route", model::url(route, reader.get(route.domain))},
                       {"protocol", model::to_text(one.protocol)}};
    json::object options = options_json(route);
    options.erase("basic_auth");  // its passwords are not known any more
    if (!options.empty()) entry.emplace("options", std::move(options));
    out.push_back(std::move(entry));
  }
  return out;
}

bool is_empty(const json::value& value) {
  return (value.is_object() && value.get_object().empty()) ||
         (value.is_array() && value.get_array().empty());
}

void emit(YAML::Emitter& out, const json::value& value) {
  if (const auto* object = value.if_object()) {
    out << YAML::BeginMap;
    for (const auto& [key, inner] : *object) {
      out << YAML::Key << std::string(key) << YAML::Value;
      emit(out, inner);
    }
    out << YAML::EndMap;
  } else if (const auto* array = value.if_array()) {
    out << YAML::BeginSeq;
    for (const auto& inner : *array) emit(out, inner);
    out << YAML::EndSeq;
  } else if (value.is_string()) {
    // Text that YAML would take for something else ("true", "1e3", "~") stays text.
    const std::string text(value.get_string());
    const bool plain = !text.empty() && text.find_first_not_of("0123456789.eE+-_:") != text.npos &&
                       text != "true" && text != "false" && text != "null" && text != "yes" &&
                       text != "no" && text != "on" && text != "off" && text != "~";
    if (!plain) out << YAML::DoubleQuoted;
    out << text;
  } else if (value.is_int64()) {
    out << value.get_int64();
  } else if (value.is_null()) {
    out << YAML::Null;
  } else {
    out << json::serialize(value);
  }
}

}  // namespace

json::object manifest_of(store::Reader& reader, const model::App& app) {
  json::object out{{"name", app.name}, {"stack", kStack}};
  json::array buildpacks, processes;
  for (const auto& one : app.lifecycle.buildpacks) buildpacks.emplace_back(one);
  json::object env;
  for (const auto& [name, value] : app.env) env.emplace(name, value);
  out["buildpacks"] = std::move(buildpacks);
  out["env"] = std::move(env);
  out["routes"] = routes_of(reader, app.guid);
  if (out["routes"].get_array().empty()) out["no-route"] = true;
  json::object metadata;
  for (auto& [key, value] : metadata_json(app.metadata))
    if (!is_empty(value)) metadata[key] = value;
  out["metadata"] = std::move(metadata);
  for (const auto& process : processes_of(reader, app.guid))
    processes.push_back(process_of(process));
  out["processes"] = std::move(processes);
  json::object kept;
  for (auto& [key, value] : out)
    if (!is_empty(value)) kept[key] = std::move(value);
  return kept;
}

std::string manifest_yaml(const json::object& application) {
  YAML::Emitter out;
  out << YAML::BeginDoc;
  emit(out, json::object{{"applications", json::array{application}}});
  return std::string(out.c_str(), out.size()) + "\n";
}

}  // namespace nuri::api

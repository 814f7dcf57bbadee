#include "cli/push_plan.h"

#include <fmt/format.h>

#include <map>

#include "base/error.h"
#include "cli/config.h"

namespace nuri::cli {
namespace {

namespace fs = std::filesystem;
using model::ManifestApp;
using model::ManifestProcess;
using model::RouteWish;

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

fs::path manifest_in(const fs::path& folder) {
  for (const char* name : {"nuri.yml", "manifest.yml", "nuri.yaml", "manifest.yaml"})
    if (is_file(folder / name)) return folder / name;
  return {};
}

fs::path find_manifest(const Arguments& arguments) {
  if (arguments.has("--no-manifest")) return {};
  if (arguments.has("--manifest")) {
    const fs::path given = arguments.get("--manifest");
    std::error_code ignored;
    const fs::path found = fs::is_directory(given, ignored) ? manifest_in(given) : given;
    if (!is_file(found))
      throw Error(Code::not_found, fmt::format("--manifest: there is no file {}", given.string()));
    return found;
  }
  if (arguments.has("--path"))
    if (fs::path found = manifest_in(arguments.get("--path")); !found.empty()) return found;
  return manifest_in(".");
}

int megabytes(const Arguments& arguments, std::string_view flag) {
  const std::string text = arguments.get(flag);
  const auto mb = model::parse_megabytes(text);
  if (!mb)
    throw Error(Code::bad_request,
                fmt::format("{} takes a size as in 512M or 1G, not '{}'", flag, text));
  return *mb;
}

model::HealthCheckType health_check(const Arguments& arguments) {
  const std::string text = arguments.get("--health-check-type");
  constexpr auto names = enum_names(model::HealthCheckType{});
  for (std::size_t i = 0; i < names.size(); ++i)
    if (text == names[i]) return static_cast<model::HealthCheckType>(i);
  throw Error(Code::bad_request,
              fmt::format("--health-check-type takes port, http or process, not '{}'", text));
}

void apply_flags(const Arguments& arguments, ManifestApp& app) {
  ManifestProcess& web = app.web;
  if (arguments.has("--instances"))
    web.instances =
        static_cast<int>(arguments.number("--instances", 1, 0, limits::kInstancesPerProcess));
  if (arguments.has("--memory")) web.memory_mb = megabytes(arguments, "--memory");
  if (arguments.has("--disk")) web.disk_mb = megabytes(arguments, "--disk");
  if (arguments.has("--command")) {
    const std::string command = arguments.get("--command");
    web.command = command == "null" || command == "default" ? "" : command;
  }
  if (arguments.has("--buildpack")) {
    app.buildpacks = arguments.all("--buildpack");
    std::erase_if(*app.buildpacks,
                  [](const std::string& name) { return name == "default" || name == "null"; });
  }
  if (arguments.has("--health-check-type")) web.health_check_type = health_check(arguments);
  if (arguments.has("--endpoint")) web.health_check_endpoint = arguments.get("--endpoint");
  if (arguments.has("--app-start-timeout"))
    web.timeout_s =
        static_cast<int>(arguments.number("--app-start-timeout", 60, 1, limits::kCheckSeconds));
  if (arguments.has("--no-route")) {
    app.route_wish = RouteWish::no_route;
    app.routes.clear();
  } else if (arguments.has("--random-route") && app.routes.empty()) {
    app.route_wish = RouteWish::random_route;
  } else if (app.route_wish == RouteWish::none && app.routes.empty()) {
    app.route_wish = RouteWish::default_route;
  }
}

// A flag that says something about one app, given for several.
void refuse_flags_for_many(const Arguments& arguments) {
  for (const char* flag : {"--path", "--instances", "--memory", "--disk", "--command",
                           "--buildpack", "--health-check-type", "--endpoint"})
    if (arguments.has(flag))
      throw Error(Code::bad_request,
                  fmt::format("{} is for one app and the manifest has several: name the one to "
                              "push",
                              flag));
}

std::vector<ManifestApp> choose(std::vector<ManifestApp> apps, const std::string& name,
                                const fs::path& manifest) {
  if (name.empty()) return apps;
  if (apps.empty()) apps.emplace_back();
  if (apps.size() == 1) {
    apps[0].name = name;
    return apps;
  }
  std::erase_if(apps, [&](const ManifestApp& app) { return app.name != name; });
  if (apps.empty())
    throw Error(Code::not_found, fmt::format("Could not find app named '{}' in manifest {}", name,
                                             manifest.string()));
  return apps;
}

fs::path source_of(const Arguments& arguments, const ManifestApp& app, const fs::path& manifest) {
  fs::path path = ".";
  if (arguments.has("--path"))
    path = arguments.get("--path");
  else if (app.path)
    path = manifest.parent_path() / *app.path;
  else if (!manifest.empty())
    path = manifest.parent_path();
  if (path.empty()) path = ".";
  std::error_code failure;
  const fs::path whole = fs::canonical(path, failure);
  if (failure || !fs::is_directory(whole, failure))
    throw Error(Code::not_found,
                fmt::format("the path {} of app '{}' is no directory", path.string(), app.name));
  return whole;
}

template <class T>
void put(json::object& out, std::string_view key, const std::optional<T>& value) {
  if (value) out[key] = *value;
}

void put_process(json::object& out, const ManifestProcess& process) {
  put(out, "instances", process.instances);
  if (process.memory_mb) out["memory"] = fmt::format("{}M", *process.memory_mb);
  if (process.disk_mb) out["disk_quota"] = fmt::format("{}M", *process.disk_mb);
  if (process.command)
    out["command"] =
        process.command->empty() ? json::value(nullptr) : json::value(*process.command);
  if (process.health_check_type)
    out["health-check-type"] = enum_names(
        *process.health_check_type)[static_cast<std::size_t>(*process.health_check_type)];
  put(out, "health-check-http-endpoint", process.health_check_endpoint);
  put(out, "health-check-interval", process.health_check_interval_s);
  put(out, "health-check-invocation-timeout", process.health_check_invocation_timeout_s);
  put(out, "timeout", process.timeout_s);
}

void put_routes(json::object& out, const ManifestApp& app) {
  if (app.route_wish == RouteWish::no_route) out["no-route"] = true;
  if (app.route_wish == RouteWish::random_route) out["random-route"] = true;
  if (app.route_wish == RouteWish::default_route) out["default-route"] = true;
  if (app.routes.empty()) return;
  json::array routes;
  for (const model::ManifestRoute& route : app.routes) {
    json::object one{{"route", route.route}};
    if (route.protocol)
      one["protocol"] = enum_names(*route.protocol)[static_cast<std::size_t>(*route.protocol)];
    routes.push_back(std::move(one));
  }
  out["routes"] = std::move(routes);
}

template <class Map>
json::object object_of(const Map& entries) {
  json::object out;
  for (const auto& [name, value] : entries) out[name] = value;
  return out;
}

// "manifest line 7: …" with the file's own name.
std::string in_file(const fs::path& file, std::string_view message) {
  constexpr std::string_view kBegin = "manifest ";
  if (message.starts_with(kBegin)) message.remove_prefix(kBegin.size());
  return fmt::format("{}: {}", file.string(), message);
}

}  // namespace

std::string put_variables(std::string text, const std::vector<std::string>& assignments) {
  std::map<std::string, std::string> values;
  for (const std::string& one : assignments) {
    const std::size_t equals = one.find('=');
    if (equals == one.npos || equals == 0)
      throw Error(Code::bad_request, fmt::format("--var takes NAME=VALUE, not '{}'", one));
    values[one.substr(0, equals)] = one.substr(equals + 1);
  }
  std::string out;
  for (std::size_t from = 0;;) {
    const std::size_t open = text.find("((", from);
    const std::size_t close = open == text.npos ? open : text.find("))", open);
    if (close == text.npos) return out + text.substr(from);
    const std::string name = text.substr(open + 2, close - open - 2);
    const bool is_name = !name.empty() && name.find_first_not_of(
                                              "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUV"
                                              "WXYZ0123456789_-./") == name.npos;
    out += text.substr(from, open - from);
    if (!is_name) {
      out += "((";
      from = open + 2;
      continue;
    }
    const auto value = values.find(name);
    if (value == values.end())
      throw Error(
          Code::unprocessable,
          fmt::format("Expected to find variables: {}; give it with --var {}=VALUE", name, name));
    out += value->second;
    from = close + 2;
  }
}

std::string manifest_text(const ManifestApp& app) {
  json::object out{{"name", app.name}};
  put_process(out, app.web);
  if (app.buildpacks)
    out["buildpacks"] = json::array(app.buildpacks->begin(), app.buildpacks->end());
  put(out, "stack", app.stack);
  if (!app.env.empty()) out["env"] = object_of(app.env);
  put_routes(out, app);
  json::object metadata;
  if (!app.metadata.labels.empty()) metadata["labels"] = object_of(app.metadata.labels);
  if (!app.metadata.annotations.empty())
    metadata["annotations"] = object_of(app.metadata.annotations);
  if (!metadata.empty()) out["metadata"] = std::move(metadata);
  json::array processes;
  for (const ManifestProcess& process : app.processes) {
    json::object one{{"type", process.type}};
    put_process(one, process);
    processes.push_back(std::move(one));
  }
  if (!processes.empty()) out["processes"] = std::move(processes);
  return json::serialize(json::object{{"version", 1}, {"applications", json::array{out}}}) + "\n";
}

PushPlan plan_push(const Arguments& arguments) {
  PushPlan plan;
  plan.manifest = find_manifest(arguments);
  model::Manifest manifest;
  if (!plan.manifest.empty()) try {
      manifest = model::parse_manifest(put_variables(
          read_small_file(plan.manifest, limits::kManifestBytes), arguments.all("--var")));
    } catch (const Error& error) {
      throw Error(error.code(), in_file(plan.manifest, error.message()));
    }
  for (const std::string& warning : manifest.warnings)
    plan.warnings.push_back(in_file(plan.manifest, warning));
  const std::string name = arguments.get("APP");
  auto apps = choose(std::move(manifest.apps), name, plan.manifest);
  if (apps.empty())
    throw Error(Code::bad_request,
                "name the app to push: nuri push APP, or a manifest.yml that names it");
  if (apps.size() > 1) refuse_flags_for_many(arguments);
  for (ManifestApp& app : apps) {
    apply_flags(arguments, app);
    fs::path source = source_of(arguments, app, plan.manifest);
    plan.apps.push_back({std::move(app), std::move(source)});
  }
  return plan;
}

}  // namespace nuri::cli

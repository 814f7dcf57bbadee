#include "model/manifest.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "base/error.h"
#include "base/limits.h"
#include "model/manifest_yaml.h"
#include "model/text.h"

namespace nuri::model {
namespace {

// Cloud Foundry has them, Nuri not yet.
constexpr std::array<std::string_view, 14> kNotYet{"docker",
                                                   "features",
                                                   "inherit",
                                                   "lifecycle",
                                                   "log-rate-limit-per-second",
                                                   "options",
                                                   "readiness-health-check-http-endpoint",
                                                   "readiness-health-check-interval",
                                                   "readiness-health-check-invocation-timeout",
                                                   "readiness-health-check-type",
                                                   "services",
                                                   "sidecars",
                                                   "user",
                                                   "cnb-credentials"};

class ManifestReader {
 public:
  Manifest read(const YAML::Node& top) {
    if (top.IsNull()) refuse_manifest(1, "it is empty; it needs \"applications:\"");
    bool found = false;
    for (const YamlEntry& entry : yaml_.entries(top, "the manifest")) {
      if (entry.key == "applications") {
        found = true;
        for (const auto& item : list(entry)) app(item);
      } else if (entry.key != "version") {
        unsupported(entry);
      }
    }
    if (!found) refuse_manifest(line_of(top), "it needs a list \"applications:\"");
    return std::move(out_);
  }

 private:
  void unsupported(const YamlEntry& entry) {
    const bool known = std::ranges::find(kNotYet, entry.key) != kNotYet.end();
    out_.warnings.push_back(fmt::format("manifest line {}: the key \"{}\" {}; it is ignored",
                                        entry.line, printable(entry.key),
                                        known ? "is not supported yet" : "is not known"));
  }

  [[noreturn]] static void wrong(const YamlEntry& entry, std::string_view wanted) {
    refuse_manifest(entry.line, fmt::format("{} must be {}", printable(entry.key), wanted));
  }

  static std::string text(const YamlEntry& entry) {
    if (!entry.value.IsScalar()) wrong(entry, "text");
    return entry.value.Scalar();
  }

  static int number(const YamlEntry& entry, int low, int high) {
    const std::string digits = entry.value.IsScalar() ? entry.value.Scalar() : "";
    int value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    const bool whole = error == std::errc() && end == digits.data() + digits.size();
    if (!whole || value < low || value > high)
      wrong(entry, fmt::format("a whole number from {} to {}", low, high));
    return value;
  }

  static bool flag(const YamlEntry& entry) {
    const std::string word = lower(text(entry));
    if (word == "true" || word == "yes" || word == "on") return true;
    if (word != "false" && word != "no" && word != "off") wrong(entry, "true or false");
    return false;
  }

  static int megabytes(const YamlEntry& entry) {
    const auto mb = parse_megabytes(text(entry));
    if (!mb || *mb > limits::kMemoryMb)
      wrong(entry, "a size with a unit (M, MB, G, GB, T or TB), as 512M or 1G, of at most 1T");
    return *mb;
  }

  static std::vector<YAML::Node> list(const YamlEntry& entry) {
    if (entry.value.IsNull()) return {};
    if (!entry.value.IsSequence()) wrong(entry, "a list");
    return {entry.value.begin(), entry.value.end()};
  }

  std::map<std::string, std::string> texts(const YamlEntry& entry) {
    std::map<std::string, std::string> out;
    if (entry.value.IsNull()) return out;
    for (const YamlEntry& item : yaml_.entries(entry.value, entry.key)) {
      if (!item.value.IsScalar())
        refuse_manifest(item.line, fmt::format("{}: the value of {} must be text", entry.key,
                                               printable(item.key)));
      out[item.key] = item.value.Scalar();
    }
    return out;
  }

  // What validate_… threw gets its line.
  template <class Check>
  static void at_line(int line, Check&& check) {
    try {
      check();
    } catch (const Error& error) {
      refuse_manifest(line, error.message());
    }
  }

  // True when the key is one that an app's level and a process share.
  bool process_key(const YamlEntry& entry, ManifestProcess& process) {
    const std::string& key = entry.key;
    const auto seconds = [&] { return number(entry, 1, limits::kCheckSeconds); };
    if (key == "instances") {
      process.instances = number(entry, 0, limits::kInstancesPerProcess);
    } else if (key == "memory") {
      process.memory_mb = megabytes(entry);
    } else if (key == "disk_quota" || key == "disk-quota") {
      process.disk_mb = megabytes(entry);
    } else if (key == "command") {
      process.command = entry.value.IsNull() ? "" : text(entry);
      if (process.command == "default" || process.command == "null") process.command = "";
      if (process.command->size() > limits::kCommandBytes)
        wrong(entry, fmt::format("at most {} bytes", limits::kCommandBytes));
    } else if (key == "health-check-type") {
      const std::string type = text(entry);
      process.health_check_type =
          type == "none" ? HealthCheckType::process : from_text<HealthCheckType>(type);
      if (!process.health_check_type) wrong(entry, "\"port\", \"http\" or \"process\"");
    } else if (key == "health-check-http-endpoint") {
      process.health_check_endpoint = text(entry);
      if (!is_url_path(*process.health_check_endpoint)) wrong(entry, "a URL path, as /health");
    } else if (key == "health-check-interval") {
      process.health_check_interval_s = seconds();
    } else if (key == "health-check-invocation-timeout") {
      process.health_check_invocation_timeout_s = seconds();
    } else if (key == "timeout") {
      process.timeout_s = seconds();
    } else {
      return false;
    }
    return true;
  }

  void process(const YAML::Node& node, ManifestApp& app) {
    ManifestProcess made;
    made.type.clear();
    const auto entries = yaml_.entries(node, "each of processes");
    for (const YamlEntry& entry : entries)
      if (entry.key == "type") made.type = text(entry);
    if (made.type.empty()) refuse_manifest(line_of(node), "a process needs a type");
    const auto same = std::ranges::find(app.processes, made.type, &ManifestProcess::type);
    if (same != app.processes.end())
      refuse_manifest(line_of(node),
                      fmt::format("the process type {} appears twice", printable(made.type)));
    for (const YamlEntry& entry : entries)
      if (entry.key != "type" && !process_key(entry, made)) unsupported(entry);
    app.processes.push_back(std::move(made));
    if (app.processes.size() > limits::kProcessesPerApp)
      refuse_manifest(line_of(node),
                      fmt::format("an app has at most {} processes", limits::kProcessesPerApp));
  }

  json::value option(const YamlEntry& entry, int depth) {
    if (entry.value.IsNull()) return nullptr;
    if (entry.value.IsScalar()) return json::value(entry.value.Scalar());
    if (!entry.value.IsSequence()) return options(entry, depth);
    json::array out;
    for (const YAML::Node& one : list(entry)) {
      if (!one.IsScalar()) wrong(entry, "a list of texts");
      out.push_back(json::value(one.Scalar()));
    }
    return out;
  }

  json::object options(const YamlEntry& entry, int depth) {
    constexpr int kDepth = 4;
    if (depth > kDepth) wrong(entry, "no more than options of options");
    json::object out;
    for (const YamlEntry& item : yaml_.entries(entry.value, entry.key))
      out[item.key] = option(item, depth + 1);
    return out;
  }

  void route(const YAML::Node& node, ManifestApp& app) {
    ManifestRoute made;
    for (const YamlEntry& entry : yaml_.entries(node, "each of routes")) {
      if (entry.key == "route") {
        made.route = text(entry);
      } else if (entry.key == "protocol") {
        made.protocol = from_text<DestinationProtocol>(text(entry));
        if (!made.protocol) wrong(entry, "\"http1\", \"http2\" or \"tcp\"");
      } else if (entry.key == "options") {
        if (!entry.value.IsNull()) made.options = options(entry, 0);
      } else {
        unsupported(entry);
      }
    }
    if (made.route.empty()) refuse_manifest(line_of(node), "a route needs \"route: HOST.DOMAIN\"");
    app.routes.push_back(std::move(made));
    if (app.routes.size() > limits::kRoutesPerManifest)
      refuse_manifest(line_of(node),
                      fmt::format("an app has at most {} routes here", limits::kRoutesPerManifest));
  }

  static void wish(const YamlEntry& entry, RouteWish wanted, ManifestApp& app) {
    if (!flag(entry)) return;
    if (app.route_wish != RouteWish::none)
      refuse_manifest(entry.line,
                      "only one of random-route, no-route and default-route can be true");
    app.route_wish = wanted;
  }

  void buildpacks(const YamlEntry& entry, ManifestApp& app) {
    if (app.buildpacks) refuse_manifest(entry.line, "name buildpacks once, as a list");
    app.buildpacks.emplace();
    if (entry.key == "buildpack") {
      if (entry.value.IsNull()) return;
      const std::string name = text(entry);
      if (name != "default" && name != "null" && !name.empty()) app.buildpacks->push_back(name);
      return;
    }
    for (const auto& item : list(entry)) {
      if (!item.IsScalar()) refuse_manifest(line_of(item), "each of buildpacks must be text");
      app.buildpacks->push_back(item.Scalar());
    }
    if (app.buildpacks->size() > limits::kBuildpacksPerApp)
      wrong(entry, fmt::format("a list of at most {}", limits::kBuildpacksPerApp));
  }

  void metadata(const YamlEntry& entry, ManifestApp& app) {
    if (entry.value.IsNull()) return;
    for (const YamlEntry& item : yaml_.entries(entry.value, "metadata")) {
      if (item.key == "labels")
        app.metadata.labels = texts(item);
      else if (item.key == "annotations")
        app.metadata.annotations = texts(item);
      else
        unsupported(item);
    }
    at_line(entry.line, [&] { validate(app.metadata); });
  }

  void app_key(const YamlEntry& entry, ManifestApp& app) {
    const std::string& key = entry.key;
    if (process_key(entry, app.web)) return;
    if (key == "name") {
      app.name = text(entry);
      at_line(entry.line, [&] { validate_name("name", app.name); });
    } else if (key == "path") {
      app.path = text(entry);
    } else if (key == "buildpack" || key == "buildpacks") {
      buildpacks(entry, app);
    } else if (key == "stack") {
      app.stack = text(entry);
    } else if (key == "env") {
      app.env = texts(entry);
      at_line(entry.line, [&] { validate(app.env); });
    } else if (key == "routes") {
      for (const auto& item : list(entry)) route(item, app);
    } else if (key == "random-route") {
      wish(entry, RouteWish::random_route, app);
    } else if (key == "no-route") {
      wish(entry, RouteWish::no_route, app);
    } else if (key == "default-route") {
      wish(entry, RouteWish::default_route, app);
    } else if (key == "processes") {
      for (const auto& item : list(entry)) process(item, app);
    } else if (key == "metadata") {
      metadata(entry, app);
    } else {
      unsupported(entry);
    }
  }

  // What processes: says of web wins over the app's level.
  static void merge_web(ManifestApp& app) {
    const auto web = std::ranges::find(app.processes, "web", &ManifestProcess::type);
    if (web == app.processes.end()) return;
    const auto take = [](auto& to, auto& from) {
      if (from) to = std::move(from);
    };
    take(app.web.instances, web->instances);
    take(app.web.memory_mb, web->memory_mb);
    take(app.web.disk_mb, web->disk_mb);
    take(app.web.command, web->command);
    take(app.web.health_check_type, web->health_check_type);
    take(app.web.health_check_endpoint, web->health_check_endpoint);
    take(app.web.health_check_interval_s, web->health_check_interval_s);
    take(app.web.health_check_invocation_timeout_s, web->health_check_invocation_timeout_s);
    take(app.web.timeout_s, web->timeout_s);
    app.processes.erase(web);
  }

  void app(const YAML::Node& node) {
    ManifestApp made;
    made.line = line_of(node);
    for (const YamlEntry& entry : yaml_.entries(node, "each of applications")) app_key(entry, made);
    if (made.route_wish == RouteWish::no_route && !made.routes.empty())
      refuse_manifest(made.line, "no-route: true and routes contradict each other");
    const auto same = std::ranges::find(out_.apps, made.name, &ManifestApp::name);
    if (same != out_.apps.end())
      refuse_manifest(made.line, made.name.empty()
                                     ? "each of several applications needs a name"
                                     : fmt::format("the app {} appears twice (first on line {})",
                                                   printable(made.name), same->line));
    merge_web(made);
    out_.apps.push_back(std::move(made));
  }

  YamlReader yaml_;
  Manifest out_;
};

}  // namespace

Manifest parse_manifest(std::string_view yaml) {
  const YAML::Node top = load_yaml(yaml);
  try {
    return ManifestReader().read(top);
  } catch (const YAML::Exception& error) {
    refuse_manifest(std::max(error.mark.line + 1, 1), error.msg);
  }
}

}  // namespace nuri::model

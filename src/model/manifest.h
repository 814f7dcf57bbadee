#pragma once

// Cloud Foundry's manifest.yml. Parsing is strict about types (an error naming the line), and names
// every key that is not supported yet with its line, so that nothing is ignored in silence.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "model/app.h"
#include "model/metadata.h"
#include "model/routing.h"

namespace nuri::model {

// Nullopt everywhere: not in the manifest, so left as it is.
struct ManifestProcess {
  std::string type = "web";
  std::optional<int> instances;
  std::optional<int> memory_mb;
  std::optional<int> disk_mb;
  std::optional<std::string> command;  // "" (from null, "" or "default"): back to the droplet's
  std::optional<HealthCheckType> health_check_type;
  std::optional<std::string> health_check_endpoint;
  std::optional<int> health_check_interval_s;
  std::optional<int> health_check_invocation_timeout_s;
  std::optional<int> timeout_s;
  friend bool operator==(const ManifestProcess&, const ManifestProcess&) = default;
};

struct ManifestRoute {
  std::string route;  // "host.domain[:port][/path]"
  std::optional<DestinationProtocol> protocol;
  json::object options = {};  // of the route; scalars are texts
  friend bool operator==(const ManifestRoute&, const ManifestRoute&) = default;
};

enum class RouteWish { none, random_route, no_route, default_route };

struct ManifestApp {
  std::string name;
  std::optional<std::string> path;
  std::optional<std::vector<std::string>> buildpacks;  // empty ("default", null): detect
  std::optional<std::string> stack;
  Env env;
  std::vector<ManifestRoute> routes;
  RouteWish route_wish = RouteWish::none;
  Metadata metadata;
  ManifestProcess web;                     // what stands at the app's level is its web process's
  std::vector<ManifestProcess> processes;  // a `web` in it was merged into `web`
  int line = 0;
  friend bool operator==(const ManifestApp&, const ManifestApp&) = default;
};

struct Manifest {
  std::vector<ManifestApp> apps;
  std::vector<std::string>
      warnings;  // "line 7: the key \"services\" is not supported yet; ignored"
  friend bool operator==(const Manifest&, const Manifest&) = default;
};

// Throws Error{unprocessable} "manifest line N: …" for what is wrong, too_large over
// limits::kManifestBytes, kManifestDepth, kManifestNodes or kManifestAliases.
Manifest parse_manifest(std::string_view yaml);

// "512M", "1G", "1.5GB", "900MB", "1T" → megabytes; nullopt when it is none, not positive, or no
// whole number of megabytes.
std::optional<int> parse_megabytes(std::string_view text);
// The shortest of the forms that parse_megabytes takes back: 1024 → "1G", 512 → "512M".
std::string format_megabytes(int mb);

}  // namespace nuri::model

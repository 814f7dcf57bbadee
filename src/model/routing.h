#pragma once

// Domains, routes, and where routes go.

#include <optional>
#include <string>

#include "base/clock.h"
#include "model/guids.h"
#include "model/metadata.h"

namespace nuri::model {

struct Domain {
  DomainGuid guid;
  std::string name;  // lower case
  bool internal = false;
  OrgGuid org;                  // empty: shared by all
  bool https_redirect = false;  // what comes without TLS for any of its hosts is sent to https
  Metadata metadata;
  WallTime created_at, updated_at;
  friend bool operator==(const Domain&, const Domain&) = default;
  static constexpr auto fields() {
    return std::tuple{field("guid", &Domain::guid),
                      field("name", &Domain::name),
                      field("internal", &Domain::internal),
                      field("org_guid", &Domain::org),
                      field("https_redirect", &Domain::https_redirect),
                      field("metadata", &Domain::metadata),
                      field("created_at", &Domain::created_at),
                      field("updated_at", &Domain::updated_at)};
  }
};

enum class RouteProtocol { http, tcp };
constexpr auto enum_names(RouteProtocol) { return std::array<std::string_view, 2>{"http", "tcp"}; }

struct Route {
  RouteGuid guid;
  SpaceGuid space;
  DomainGuid domain;
  RouteProtocol protocol = RouteProtocol::http;
  std::string host;     // lower case; empty: the domain itself; "*": any
  std::string path;     // empty, or begins with '/'
  int port = 0;         // tcp only
  std::string options;  // JSON that parse_route_settings takes; empty: none
  Metadata metadata;
  WallTime created_at, updated_at;
  friend bool operator==(const Route&, const Route&) = default;
  static constexpr auto fields() {
    return std::tuple{field("guid", &Route::guid),
                      field("space_guid", &Route::space),
                      field("domain_guid", &Route::domain),
                      field("protocol", &Route::protocol),
                      field("host", &Route::host),
                      field("path", &Route::path),
                      field("port", &Route::port),
                      field("options", &Route::options),
                      field("metadata", &Route::metadata),
                      field("created_at", &Route::created_at),
                      field("updated_at", &Route::updated_at)};
  }
};

enum class DestinationProtocol { http1, http2, tcp };
constexpr auto enum_names(DestinationProtocol) {
  return std::array<std::string_view, 3>{"http1", "http2", "tcp"};
}

struct Destination {
  DestinationGuid guid;
  RouteGuid route;
  AppGuid app;
  std::string process_type = "web";
  int port = 0;  // 0: the instance's PORT
  DestinationProtocol protocol = DestinationProtocol::http1;
  std::optional<int> weight;  // per cent
  WallTime created_at, updated_at;
  friend bool operator==(const Destination&, const Destination&) = default;
  static constexpr auto fields() {
    return std::tuple{field("guid", &Destination::guid),
                      field("route_guid", &Destination::route),
                      field("app_guid", &Destination::app),
                      field("process_type", &Destination::process_type),
                      field("port", &Destination::port),
                      field("protocol", &Destination::protocol),
                      field("weight", &Destination::weight),
                      field("created_at", &Destination::created_at),
                      field("updated_at", &Destination::updated_at)};
  }
};

// Throw Error{unprocessable} with Cloud Foundry's wording.
void validate(const Domain& domain);
void validate(const Route& route);
void validate(const Destination& destination);

// "host.domain/path", "domain", "domain:port".
std::string url(const Route& route, const Domain& domain);
// The host label made of an app's name: lower case, what is not [a-z0-9-] becomes '-', at most 63
// characters, no '-' at its ends. Empty when nothing is left.
std::string host_of_name(std::string_view app_name);

}  // namespace nuri::model

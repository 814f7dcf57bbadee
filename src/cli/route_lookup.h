#pragma once

// Routes as the user names them: a domain, --hostname and --path; found, made, and listed.

#include <string>

#include "cli/command.h"

namespace nuri::cli {

inline constexpr Flag kHostnameFlag{"--hostname", "-n", "HOST", "the part before the domain"};
inline constexpr Flag kRoutePathFlag{"--path", "", "PATH", "only what is below this path"};

struct RouteName {
  std::string domain, host, path;
  // "host.domain/path"
  std::string str() const;
};
// From DOMAIN, --hostname and --path. A DOMAIN that is "host.domain/path" is understood, too, once
// the domains are known.
Task<RouteName> route_name(Command& command);

// Null if there is no such route. Throws Error{not_found} for an unknown domain.
Task<json::value> find_route(Command& command, RouteName name, std::string space_guid);
Task<json::value> create_route(Command& command, RouteName name, std::string space_guid);
// The destination of `route` that is the app's; empty if none.
std::string destination_of(const json::value& route, std::string_view app_guid);

}  // namespace nuri::cli

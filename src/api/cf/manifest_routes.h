#pragma once

// The routes of a manifest: routes, default-route, random-route, no-route.

#include <string>

#include "api/cf/audit.h"
#include "model/manifest.h"
#include "model/routing.h"
#include "store/store.h"

namespace nuri::api {

// Where a route's text lies: its domain is the longest that fits among those of the org.
struct RoutePlace {
  model::Domain domain;
  std::string host;
  std::string path;
};
// "host.domain[:port][/path]", where the only port is `apps_port`. Throws Error{unprocessable}.
RoutePlace place_route(store::Reader& reader, const OrgGuid& org, const std::string& text,
                       int apps_port);

// Maps (makes, unmaps) routes of the app as the manifest says. Throws Error{unprocessable}.
void apply_routes(store::Writer& tx, const Act& act, const model::Space& space,
                  const model::App& app, const model::ManifestApp& wanted, int apps_port);

}  // namespace nuri::api

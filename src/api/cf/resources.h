#pragma once

// One function a resource: adds its routes. Each stands in the file of its name.

#include "api/cf/call.h"

namespace nuri::api {

void add_root(Routes& routes);              // /, /v3, /healthz, what clients discover
void add_login(Routes& routes);             // /login, /oauth/token
void add_jobs(Routes& routes);              // /v3/jobs
void add_apps(Routes& routes);              // /v3/apps and what hangs off an app but processes
void add_processes(Routes& routes);         // /v3/processes, their stats, scaling, health checks
void add_deployments(Routes& routes);       // /v3/deployments
void add_revisions(Routes& routes);         // /v3/revisions
void add_events(Routes& routes);            // /v3/audit_events
void add_resource_matches(Routes& routes);  // /v3/resource_matches
void add_packages(Routes& routes);          // /v3/packages
void add_builds(Routes& routes);            // /v3/builds
void add_droplets(Routes& routes);          // /v3/droplets
void add_manifests(Routes& routes);         // apply_manifest, manifest_diff, apps' manifests
void add_routes(Routes& routes);            // /v3/routes and their destinations
void add_domains(Routes& routes);           // /v3/domains
void add_tenancy(Routes& routes);           // organizations, spaces, users, roles (reading)
void add_platform(Routes& routes);  // stacks, buildpacks, feature flags; lists that are empty
void add_logs(Routes& routes);      // log-cache: /api/v1/read, /api/v1/info

// Nuri's own, beside Cloud Foundry's.
void add_certificates(Routes& routes);        // /v3/nuri/certificates
void add_certificate_orders(Routes& routes);  // /v3/nuri/certificate_orders

}  // namespace nuri::api

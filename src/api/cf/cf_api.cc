#include "api/cf/api.h"
#include "api/cf/resources.h"

namespace nuri::api {

CfApi::CfApi(Parts parts) : parts_(std::move(parts)) {
  Routes routes(router_, parts_);
  add_root(routes);
  add_login(routes);
  add_jobs(routes);
  add_apps(routes);
  add_processes(routes);
  add_deployments(routes);
  add_revisions(routes);
  add_events(routes);
  add_resource_matches(routes);
  add_packages(routes);
  add_builds(routes);
  add_droplets(routes);
  add_manifests(routes);
  add_routes(routes);
  add_domains(routes);
  add_tenancy(routes);
  add_platform(routes);
  add_logs(routes);
  add_certificates(routes);
  add_certificate_orders(routes);
  guarded_ = routes.guarded();
}

CfApi::~CfApi() = default;

Task<void> CfApi::serve(http::Request& request, http::Response& response) {
  return router_.serve(request, response);
}

}  // namespace nuri::api

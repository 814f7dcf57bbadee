#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "api/cf/apps.h"
#include "api/cf/listing.h"
#include "api/cf/resources.h"

namespace nuri::api {
namespace {

// What the platform is made of has no rows: fixed guids ("nuri" in hex, a kind, a number).
constexpr std::string_view kStackGuid = "6e757269-0000-4000-8000-000000000001";
constexpr std::string_view kMadeAt = "2026-01-01T00:00:00Z";

struct BuiltIn {
  std::string_view guid, name;
};
// In the order in which they are tried: buildpacks/order.toml.
constexpr std::array<BuiltIn, 4> kBuildpacks{
    {{"6e757269-0001-4000-8000-000000000001", "node"},
     {"6e757269-0001-4000-8000-000000000002", "python"},
     {"6e757269-0001-4000-8000-000000000003", "static"},
     {"6e757269-0001-4000-8000-000000000004", "procfile"}}};

struct Flag {
  std::string_view name;
  bool enabled;
};
constexpr std::array<Flag, 16> kFlags{{{"app_bits_upload", true},
                                       {"app_scaling", true},
                                       {"diego_cnb", true},
                                       {"diego_docker", false},
                                       {"env_var_visibility", true},
                                       {"hide_marketplace_from_unauthenticated_users", false},
                                       {"private_domain_creation", true},
                                       {"resource_matching", true},
                                       {"route_creation", true},
                                       {"route_sharing", false},
                                       {"service_instance_creation", false},
                                       {"service_instance_sharing", false},
                                       {"set_roles_by_username", true},
                                       {"space_developer_env_var_visibility", true},
                                       {"task_creation", false},
                                       {"unset_roles_by_username", true}}};

bool chosen(const std::optional<std::vector<std::string>>& wanted, std::string_view text) {
  return !wanted || std::ranges::find(*wanted, text) != wanted->end();
}

json::object no_metadata() { return {{"labels", json::object()}, {"annotations", json::object()}}; }

// All of these lists are short: one page.
Task<void> answer_all(Call call, json::array resources) {
  const PageRequest wanted = page_request(call.request);
  const auto total = static_cast<std::int64_t>(resources.size());
  if (wanted.page < 1 || wanted.per_page < 1)
    throw Error(Code::bad_request,
                "The query parameter is invalid: Page and per page must be positive integers");
  json::array page;
  for (std::int64_t i = (wanted.page - 1) * wanted.per_page;
       i < std::min(total, wanted.page * wanted.per_page); ++i)
    page.push_back(std::move(resources[static_cast<std::size_t>(i)]));
  co_await call.answer(200, list_json(call, wanted, total, std::move(page)));
}

json::object stack_json(const Call& call) {
  return {{"guid", kStackGuid},
          {"created_at", kMadeAt},
          {"updated_at", kMadeAt},
          {"name", kStack},
          {"description", "Debian 12, made by Nuri"},
          {"state", "ACTIVE"},
          {"build_rootfs_image", kStack},
          {"run_rootfs_image", kStack},
          {"default", true},
          {"metadata", no_metadata()},
          {"links", json::object{{"self", call.href("/v3/stacks/" + std::string(kStackGuid))}}}};
}

Task<void> list_stacks(Call call) {
  json::array all;
  if (chosen(filter(call.request, "names"), kStack) &&
      chosen(filter(call.request, "guids"), kStackGuid))
    all.push_back(stack_json(call));
  return answer_all(std::move(call), std::move(all));
}

Task<void> get_stack(Call call) {
  if (call.params["guid"] != kStackGuid) throw Error(Code::not_found, "Stack not found");
  co_await call.answer(200, stack_json(call));
}

json::object buildpack_json(const Call& call, const BuiltIn& one, std::size_t position) {
  const std::string self = "/v3/buildpacks/" + std::string(one.guid);
  return {{"guid", one.guid},
          {"created_at", kMadeAt},
          {"updated_at", kMadeAt},
          {"name", one.name},
          {"stack", kStack},
          {"state", "READY"},
          {"filename", nullptr},
          {"position", position},
          {"lifecycle", "buildpack"},
          {"enabled", true},
          {"locked", true},
          {"metadata", no_metadata()},
          {"links", json::object{{"self", call.href(self)}}}};
}

Task<void> list_buildpacks(Call call) {
  const auto names = filter(call.request, "names");
  const auto stacks = filter(call.request, "stacks");
  const auto lifecycle = filter(call.request, "lifecycle");
  json::array all;
  for (std::size_t i = 0; i < kBuildpacks.size(); ++i)
    if (chosen(names, kBuildpacks[i].name) && chosen(stacks, kStack) &&
        chosen(lifecycle, "buildpack"))
      all.push_back(buildpack_json(call, kBuildpacks[i], i + 1));
  return answer_all(std::move(call), std::move(all));
}

Task<void> get_buildpack(Call call) {
  const auto found =
      std::ranges::find(kBuildpacks, std::string_view(call.params["guid"]), &BuiltIn::guid);
  if (found == kBuildpacks.end()) throw Error(Code::not_found, "Buildpack not found");
  const auto position = static_cast<std::size_t>(found - kBuildpacks.begin()) + 1;
  co_await call.answer(200, buildpack_json(call, *found, position));
}

json::object flag_json(const Call& call, const Flag& flag) {
  return {
      {"name", flag.name},
      {"enabled", flag.enabled},
      {"updated_at", nullptr},
      {"custom_error_message", nullptr},
      {"links", json::object{{"self", call.href("/v3/feature_flags/" + std::string(flag.name))}}}};
}

Task<void> list_flags(Call call) {
  json::array all;
  for (const Flag& flag : kFlags) all.push_back(flag_json(call, flag));
  return answer_all(std::move(call), std::move(all));
}

Task<void> get_flag(Call call) {
  const auto found = std::ranges::find(kFlags, std::string_view(call.params["name"]), &Flag::name);
  if (found == kFlags.end()) throw Error(Code::not_found, "Feature flag not found");
  co_await call.answer(200, flag_json(call, *found));
}

Task<void> get_variables(Call call) {
  const std::string name = call.params["name"];
  if (name != "running" && name != "staging")
    throw Error(Code::not_found, "Environment variable group not found");
  co_await call.answer(
      200,
      json::object{
          {"name", name},
          {"updated_at", nullptr},
          {"var", json::object()},
          {"links", json::object{{"self", call.href("/v3/environment_variable_groups/" + name)}}}});
}

// What Nuri has none of; clients ask for it all the same.
Task<void> list_none(Call call) { return answer_all(std::move(call), {}); }

}  // namespace

void add_platform(Routes& routes) {
  routes.add("GET /v3/stacks", list_stacks);
  routes.add("GET /v3/stacks/:guid", get_stack);
  routes.add("GET /v3/buildpacks", list_buildpacks);
  routes.add("GET /v3/buildpacks/:guid", get_buildpack);
  routes.add("GET /v3/feature_flags", list_flags);
  routes.add("GET /v3/feature_flags/:name", get_flag);
  routes.add("GET /v3/environment_variable_groups/:name", get_variables);
  for (const char* path :
       {"/v3/isolation_segments", "/v3/security_groups", "/v3/service_brokers",
        "/v3/service_credential_bindings", "/v3/service_instances", "/v3/service_offerings",
        "/v3/service_plans", "/v3/service_route_bindings", "/v3/space_quotas"})
    routes.add(fmt::format("GET {}", path), list_none);
}

}  // namespace nuri::api

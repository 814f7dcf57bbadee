#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/limits.h"
#include "model/app.h"
#include "model/job.h"
#include "model/release.h"
#include "model/source.h"
#include "model/tenancy.h"
#include "model/text.h"

namespace nuri::model {
namespace {

[[noreturn]] void refuse(std::string message) {
  throw Error(Code::unprocessable, std::move(message));
}

void validate_range(std::string_view what, std::int64_t value, std::int64_t low,
                    std::int64_t high) {
  if (value < low)
    refuse(low == 0 ? fmt::format("{} must be greater than or equal to 0", what)
                    : fmt::format("{} must be greater than {}", what, low - 1));
  if (value > high) refuse(fmt::format("{} must be less than or equal to {}", what, high));
}

void validate_limit(std::string_view what, std::optional<int> limit) {
  if (limit && *limit < 0) refuse(fmt::format("{} must be greater than or equal to 0", what));
}

bool is_type_name(std::string_view type) {
  return !type.empty() && type.size() <= limits::kNameBytes &&
         std::ranges::all_of(
             type, [](char c) { return is_alnum(c) || c == '-' || c == '_' || c == '.'; });
}

void validate_command(std::string_view command) {
  if (command.size() > limits::kCommandBytes)
    refuse(fmt::format("Command must be between 1 and {} characters", limits::kCommandBytes));
  if (!is_plain_utf8(command, Newlines::allowed))
    refuse("Command must be text without control characters");
}

}  // namespace

void validate_name(std::string_view what, std::string_view name) {
  if (std::ranges::all_of(name, is_space)) refuse(fmt::format("{} must not be blank", what));
  if (name.size() > limits::kNameBytes)
    refuse(fmt::format("{} is too long (maximum is {} characters)", what, limits::kNameBytes));
  if (!is_plain_utf8(name, Newlines::forbidden))
    refuse(fmt::format("{} must not contain control characters or broken UTF-8", what));
}

void validate(const Quota& quota) {
  validate_name("Name", quota.name);
  validate_limit("Total memory", quota.total_memory_mb);
  validate_limit("Per process memory", quota.per_process_memory_mb);
  validate_limit("Total instances", quota.total_instances);
  validate_limit("Total routes", quota.total_routes);
}

void validate(const Org& org) {
  validate_name("Name", org.name);
  validate(org.metadata);
}

void validate(const Space& space) {
  validate_name("Name", space.name);
  validate(space.metadata);
}

void validate(const User& user) {
  validate_name("Username", user.username);
  validate_name("Origin", user.origin);
}

void validate_password(std::string_view password) {
  if (password.empty()) refuse("Password must not be blank");
  if (password.size() > limits::kPasswordBytes)
    refuse(fmt::format("Password is too long (maximum is {} bytes)", limits::kPasswordBytes));
}

void validate(const Role& role) {
  const bool in_space = is_space_role(role.type);
  if (role.user.empty()) refuse("A role needs a user");
  if (in_space && (role.space.empty() || !role.org.empty()))
    refuse(fmt::format("Role '{}' needs a space and no organization", to_text(role.type)));
  if (!in_space && (role.org.empty() || !role.space.empty()))
    refuse(fmt::format("Role '{}' needs an organization and no space", to_text(role.type)));
}

void validate(const Lifecycle& lifecycle) {
  if (lifecycle.type == LifecycleType::docker && !lifecycle.buildpacks.empty())
    refuse("Buildpacks cannot be configured for a docker lifecycle app.");
  if (lifecycle.buildpacks.size() > limits::kBuildpacksPerApp)
    refuse(fmt::format("Buildpacks: at most {} can be named", limits::kBuildpacksPerApp));
  for (const auto& buildpack : lifecycle.buildpacks) validate_name("Buildpack", buildpack);
  if (!lifecycle.stack.empty()) validate_name("Stack", lifecycle.stack);
}

void validate(const App& app) {
  validate_name("Name", app.name);
  validate(app.lifecycle);
  validate(app.env);
  validate(app.metadata);
}

void validate(const HealthCheck& check) {
  if (check.type != HealthCheckType::http && !check.endpoint.empty())
    refuse("Health check HTTP endpoint can only be set if type is 'http'");
  if (!check.endpoint.empty() && !is_url_path(check.endpoint))
    refuse("Health check endpoint must be a valid URI path");
  const auto seconds = [](std::string_view what, std::optional<int> value) {
    if (value) validate_range(what, *value, 1, limits::kCheckSeconds);
  };
  seconds("Health check interval", check.interval_s);
  seconds("Health check invocation timeout", check.invocation_timeout_s);
  seconds("Health check timeout", check.timeout_s);
}

void validate(const ProcessSettings& settings) {
  if (!is_type_name(settings.type))
    refuse(fmt::format("Process type '{}' must be letters, digits, '-', '_' or '.', at most {}",
                       printable(settings.type), limits::kNameBytes));
  if (settings.command) validate_command(*settings.command);
  validate_range("Instances", settings.instances, 0, limits::kInstancesPerProcess);
  validate_range("Memory in mb", settings.memory_mb, 1, limits::kMemoryMb);
  validate_range("Disk in mb", settings.disk_mb, 1, limits::kMemoryMb);
  if (settings.log_rate_limit_bytes < -1)
    refuse("Log rate limit in bytes per second must be greater than or equal to -1");
  validate_range("Stop grace", settings.stop_grace_s, 0, limits::kStopGraceSeconds);
  validate(settings.health_check);
  validate(settings.readiness_check);
}

void validate(const Droplet& droplet) {
  if (droplet.process_types.size() > limits::kProcessesPerApp)
    refuse(fmt::format("The image has {} process types; the limit is {}",
                       droplet.process_types.size(), limits::kProcessesPerApp));
  for (const auto& [type, command] : droplet.process_types) {
    if (!is_type_name(type))
      refuse(fmt::format("The image's process type '{}' is not a valid name", printable(type)));
    validate_command(command);
  }
  validate(droplet.metadata);
}

void validate(const DeploymentOptions& options) {
  validate_range("Max in flight", options.max_in_flight, 1, limits::kInstancesPerProcess);
  int last = 0;
  for (const int weight : options.canary_weights) {
    if (weight <= last || weight > 100)
      refuse("Canary steps must have rising instance weights between 1 and 100");
    last = weight;
  }
}

JobError job_error(const Error& error) {
  const CodeInfo& code = info(error.code());
  return {code.cf_code, std::string(code.cf_title), error.message()};
}

}  // namespace nuri::model

#include "build/lifecycle/buildpack_env.h"

#include "build/lifecycle/layer_time.h"
#include "build/lifecycle/tree.h"

namespace nuri::lifecycle {

Environment base_environment(const BuildRequest& request, const Places& places,
                             const Platform& platform, const Environment& own) {
  Environment env;
  const auto inherit = [&](const char* name, const char* otherwise) {
    const auto it = own.find(name);
    env[name] = it == own.end() || it->second.empty() ? otherwise : it->second;
  };
  inherit("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
  inherit("HOME", "/tmp");
  inherit("TMPDIR", "/tmp");
  env["LANG"] = "C.UTF-8";
  env["SOURCE_DATE_EPOCH"] = std::to_string(kLayerTime);
  env["CNB_PLATFORM_DIR"] = places.platform.string();
  env["CNB_TARGET_OS"] = platform.os;
  env["CNB_TARGET_ARCH"] = platform.arch;
  if (!platform.distro_name.empty()) env["CNB_TARGET_DISTRO_NAME"] = platform.distro_name;
  if (!platform.distro_version.empty()) env["CNB_TARGET_DISTRO_VERSION"] = platform.distro_version;
  if (const fs::path bundle = places.platform / "ca.crt"; is_file(bundle))
    for (const char* name : {"SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "PIP_CERT",
                             "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO"})
      env[name] = bundle.string();
  for (const auto& [name, value] : request.platform_env) env[name] = value;
  return env;
}

Environment environment_for(const Buildpack& buildpack, Environment environment,
                            const Environment& user) {
  environment["CNB_BUILDPACK_DIR"] = buildpack.directory.string();
  if (!buildpack.clear_env) {
    Environment allowed;
    for (const auto& [name, value] : user)
      if (!name.starts_with("CNB_")) allowed.emplace(name, value);
    add_user_variables(environment, allowed);
  }
  return environment;
}

void write_platform_env(const fs::path& platform, const Environment& user) {
  fs::create_directories(platform / "env");
  for (const auto& [name, value] : user) write_file(platform / "env" / name, value);
}

}  // namespace nuri::lifecycle

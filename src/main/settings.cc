#include "main/settings.h"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>

#include "base/error.h"
#include "base/limits.h"
#include "net/network.h"

namespace nuri {
namespace {

constexpr long kLongestDrain = 24L * 3600;
constexpr std::string_view kDefaultApps = "127.0.0.1:8080";
constexpr std::string_view kDefaultApi = "127.0.0.1:8081";

bool is_realm(std::string_view name) {
  if (name.empty() || name.size() > 24 || name[0] < 'a' || name[0] > 'z') return false;
  return name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == name.npos;
}

std::string directory_of(const cli::Arguments& arguments, std::string_view flag,
                         std::string otherwise) {
  std::string path = arguments.get(flag, otherwise);
  if (!path.starts_with('/'))
    throw Error(Code::bad_request, fmt::format("{} takes an absolute path, not '{}'", flag, path));
  return path;
}

}  // namespace

std::string own_directory() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path();
}

net::Address address_of(const cli::Arguments& arguments, std::string_view flag,
                        std::string_view otherwise) {
  const std::string text = arguments.get(flag, otherwise);
  const auto address = net::Address::parse(text);
  if (!address || address->is_path())
    throw Error(Code::bad_request,
                fmt::format("{} takes ADDRESS:PORT, as in {}; not '{}'", flag, kDefaultApps, text));
  return *address;
}

std::string Settings::api_url() const { return "http://" + api.str(); }

std::string Settings::app_url(std::string_view name) const {
  return fmt::format("http://{}.{}:{}", name, domain, apps.port());
}

std::string Settings::secure_app_url(std::string_view name) const {
  constexpr std::uint16_t kHttps = 443;
  if (tls->port() == kHttps) return fmt::format("https://{}.{}", name, domain);
  return fmt::format("https://{}.{}:{}", name, domain, tls->port());
}

std::vector<cli::Flag> settings_flags() {
  std::vector<cli::Flag> out{
      {"--realm", "", "NAME",
       "which Nuri on this machine (default $NURI_REALM, or nuri): names everything it makes"},
      {"--listen", "", "ADDRESS:PORT", "where apps are served (default 127.0.0.1:8080)"},
      {"--tls", "", "ADDRESS:PORT",
       "where apps are served inside TLS too, and https_redirect leads (default: nowhere)"},
      {"--api", "", "ADDRESS:PORT", "where the API is served (default 127.0.0.1:8081)"},
      {"--domain", "", "NAME", "apps are served as APP.NAME (default localhost)"},
      {"--state-dir", "", "DIR", "what is kept (default /var/lib/nuri/REALM)"},
      {"--run-dir", "", "DIR", "what is gone after a reboot (default /run/nuri/REALM)"},
      {"--base-images", "", "DIR", "the base images, an OCI layout (default /var/lib/nuri-base)"},
      {"--buildpacks", "", "DIR", "the built-in buildpacks (default beside the program)"},
      {"--subnet", "", "NET/16", "addresses of instances (default: one that is free)"},
      {"--disk-reserve", "", "MB", "free disk space under which uploads and builds are refused"},
      {"--trusted", "", "NET,NET",
       "addresses of proxies in front of the router: their X-Forwarded-For and -Proto are "
       "believed"},
      {"--proxy-protocol", "", "",
       "connections from --trusted addresses begin with the PROXY protocol"},
      {"--drain", "", "SECONDS",
       "how long a router that ends lets requests and tunnels finish (default 30)"},
      {"--log-level", "", "LEVEL", "debug, info, warn or error (default info)"},
  };
  add_acme_flags(out);
  return out;
}

Settings settings_from(const cli::Arguments& arguments) {
  Settings out;
  const char* named = ::getenv("NURI_REALM");
  out.realm = arguments.get("--realm", named && *named ? named : "nuri");
  if (!is_realm(out.realm))
    throw Error(Code::bad_request,
                fmt::format("--realm takes 1 to 24 of a-z, 0-9 and '-', a letter first; not '{}'",
                            out.realm));
  out.state_dir = directory_of(arguments, "--state-dir", "/var/lib/nuri/" + out.realm);
  out.run_dir = directory_of(arguments, "--run-dir", "/run/nuri/" + out.realm);
  out.apps = address_of(arguments, "--listen", kDefaultApps);
  if (arguments.has("--tls")) out.tls = address_of(arguments, "--tls");
  out.api = address_of(arguments, "--api", kDefaultApi);
  out.domain = arguments.get("--domain", "localhost");
  out.base_images = directory_of(arguments, "--base-images", "/var/lib/nuri-base");
  out.program_dir = own_directory();
  out.buildpacks_dir =
      directory_of(arguments, "--buildpacks",
                   std::filesystem::path(out.program_dir).parent_path() / "buildpacks");
  out.subnet = arguments.get("--subnet");
  out.log_level = arguments.get("--log-level", "info");
  out.trusted = arguments.get("--trusted");
  net::Networks::parse(out.trusted, limits::kTrustedNetworks);
  out.proxy_protocol = arguments.has("--proxy-protocol");
  if (out.proxy_protocol && out.trusted.empty())
    throw Error(Code::bad_request, "--proxy-protocol needs --trusted: whose word is believed");
  out.drain_seconds = arguments.number("--drain", limits::kDrainDeadline / std::chrono::seconds(1),
                                       0, kLongestDrain);
  out.disk_reserve_mb =
      static_cast<std::uint64_t>(arguments.number("--disk-reserve", 0, 0, 1L << 40));
  out.acme = acme_settings_from(arguments);
  return out;
}

std::vector<std::string> settings_argv(const Settings& s) {
  std::vector<std::string> out{
      "--realm",       s.realm,       "--listen",     s.apps.str(),     "--api",       s.api.str(),
      "--domain",      s.domain,      "--state-dir",  s.state_dir,      "--run-dir",   s.run_dir,
      "--base-images", s.base_images, "--buildpacks", s.buildpacks_dir, "--log-level", s.log_level};
  out.insert(out.end(), {"--drain", std::to_string(s.drain_seconds)});
  if (s.tls) out.insert(out.end(), {"--tls", s.tls->str()});
  if (!s.trusted.empty()) out.insert(out.end(), {"--trusted", s.trusted});
  if (s.proxy_protocol) out.emplace_back("--proxy-protocol");
  if (!s.subnet.empty()) out.insert(out.end(), {"--subnet", s.subnet});
  if (s.disk_reserve_mb > 0)
    out.insert(out.end(), {"--disk-reserve", std::to_string(s.disk_reserve_mb)});
  add_acme_argv(s.acme, out);
  return out;
}

}  // namespace nuri

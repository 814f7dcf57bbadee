#include "main/acme_settings.h"

#include <fmt/format.h>

#include "base/error.h"
#include "http/url.h"

namespace nuri {
namespace {

constexpr long kHighestPort = 65535;

// "a@b.c,d@e.f", any number of times.
std::vector<std::string> emails_of(const cli::Arguments& arguments) {
  std::vector<std::string> out;
  for (const std::string& list : arguments.all("--acme-email"))
    for (std::size_t at = 0; at <= list.size();) {
      const std::size_t end = std::min(list.find(',', at), list.size());
      const std::string one = list.substr(at, end - at);
      const std::size_t sign = one.find('@');
      if (sign == 0 || sign == one.npos || sign + 1 == one.size() ||
          one.find_first_of(" \t?&<>") != one.npos)
        throw Error(Code::bad_request,
                    fmt::format("--acme-email takes e-mail addresses, not '{}'", one));
      out.push_back(one);
      at = end + 1;
    }
  return out;
}

}  // namespace

std::string AcmeSettings::host() const {
  const auto url = http::Url::parse(directory);
  return url ? url->host : std::string();
}

void add_acme_flags(std::vector<cli::Flag>& flags) {
  flags.push_back({"--acme", "", "URL",
                   "the directory of a certificate authority (ACME) that certificates for the "
                   "hosts of routes are asked of (default: none)"});
  flags.push_back({"--acme-email", "", "ADDRESS,ADDRESS", "where the authority may write to"});
  flags.push_back({"--acme-hook", "", "PROGRAM",
                   "proves names by DNS, which wildcards need; run by the user nuri as PROGRAM "
                   "present|cleanup NAME VALUE"});
  flags.push_back({"--acme-http-port", "", "N",
                   "the port at which the authority reaches this Nuri (default 80), tried before "
                   "it is asked; 0: not tried"});
}

AcmeSettings acme_settings_from(const cli::Arguments& arguments) {
  AcmeSettings out;
  out.directory = arguments.get("--acme");
  if (out.directory.empty()) {
    for (const char* flag : {"--acme-email", "--acme-hook", "--acme-http-port"})
      if (arguments.has(flag))
        throw Error(Code::bad_request, fmt::format("{} needs --acme: the authority", flag));
    return out;
  }
  const auto url = http::Url::parse(out.directory);
  if (!url || !url->tls)
    throw Error(Code::bad_request,
                fmt::format("--acme takes the https URL of an authority's directory, as in "
                            "https://acme-v02.api.letsencrypt.org/directory; not '{}'",
                            out.directory));
  out.emails = emails_of(arguments);
  out.hook = arguments.get("--acme-hook");
  if (!out.hook.empty() && !out.hook.starts_with('/'))
    throw Error(
        Code::bad_request,
        fmt::format("--acme-hook takes the absolute path of a program, not '{}'", out.hook));
  out.http_port = static_cast<std::uint16_t>(
      arguments.number("--acme-http-port", out.http_port, 0, kHighestPort));
  return out;
}

void add_acme_argv(const AcmeSettings& settings, std::vector<std::string>& argv) {
  if (settings.directory.empty()) return;
  argv.insert(argv.end(), {"--acme", settings.directory});
  for (const std::string& email : settings.emails) argv.insert(argv.end(), {"--acme-email", email});
  if (!settings.hook.empty()) argv.insert(argv.end(), {"--acme-hook", settings.hook});
  argv.insert(argv.end(), {"--acme-http-port", std::to_string(settings.http_port)});
}

}  // namespace nuri

#include "model/routing.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/limits.h"
#include "model/text.h"

namespace nuri::model {
namespace {

constexpr std::size_t kDomainBytes = 253;  // RFC 1035 section 2.3.4, without the root's dot
constexpr std::size_t kRoutePathBytes = 128;

[[noreturn]] void refuse(std::string message) {
  throw Error(Code::unprocessable, std::move(message));
}

bool is_domain_name(std::string_view name) {
  if (name.empty() || name.size() > kDomainBytes) return false;
  while (true) {
    const auto dot = name.find('.');
    if (!is_host_label(name.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    name.remove_prefix(dot + 1);
  }
}

}  // namespace

void validate(const Domain& domain) {
  if (!is_domain_name(domain.name))
    refuse(
        fmt::format("Name '{}' does not comply with RFC 1035 standards: labels of lower-case "
                    "letters, digits and '-', joined by '.'",
                    printable(domain.name)));
  validate(domain.metadata);
}

void validate(const Route& route) {
  if (route.protocol == RouteProtocol::tcp) {
    if (!route.host.empty()) refuse("Hosts are not supported for TCP routes.");
    if (!route.path.empty()) refuse("Paths are not supported for TCP routes.");
    if (route.port < 1 || route.port > 65535)
      refuse("A TCP route needs a port between 1 and 65535");
  } else {
    if (route.port != 0) refuse("Ports are not supported for HTTP routes.");
    if (!route.host.empty() && route.host != "*" && !is_host_label(route.host))
      refuse(
          fmt::format("Host '{}' must be either \"*\" or contain only lower-case letters, digits, "
                      "'-' and '_', at most 63",
                      printable(route.host)));
    if (!route.path.empty() && (!is_url_path(route.path) || route.path.size() > kRoutePathBytes))
      refuse(
          fmt::format("Path '{}' must begin with '/', be a valid URL path without '?', and have "
                      "at most {} characters",
                      printable(route.path), kRoutePathBytes));
    if (route.path == "/") refuse("Path cannot be exactly '/'");
  }
  validate(route.metadata);
}

void validate(const Destination& destination) {
  if (destination.process_type.empty() || destination.process_type.size() > limits::kNameBytes)
    refuse("Destinations need a process type");
  if (destination.port < 0 || destination.port > 65535)
    refuse("Destination port must be between 1 and 65535");
  if (destination.weight && (*destination.weight < 1 || *destination.weight > 100))
    refuse("Destination weight must be between 1 and 100");
}

std::string url(const Route& route, const Domain& domain) {
  std::string out = route.host.empty() ? domain.name : route.host + "." + domain.name;
  if (route.port != 0) out += fmt::format(":{}", route.port);
  return out + route.path;
}

std::string host_of_name(std::string_view app_name) {
  std::string out;
  for (const char c : lower(app_name)) {
    if (out.size() == 63) break;
    if (is_alnum(c))
      out += c;
    else if (!out.empty() && out.back() != '-')
      out += '-';
  }
  while (!out.empty() && out.back() == '-') out.pop_back();
  return out;
}

}  // namespace nuri::model

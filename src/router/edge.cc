#include "router/edge.h"

#include <fmt/format.h>

#include <algorithm>

namespace nuri::router {
namespace {

bool any_holds(const std::vector<model::IpRange>& ranges, std::string_view client) {
  if (ranges.empty()) return false;
  const auto address = model::parse_ip(client);
  return address && std::ranges::any_of(ranges, [&](const model::IpRange& range) {
           return range.contains(*address);
         });
}

bool may_ask(const model::RouteSettings& settings, std::string_view client) {
  // Who cannot be told apart is not let in.
  if (!settings.deny.empty() && !model::parse_ip(client)) return false;
  if (any_holds(settings.deny, client)) return false;
  return settings.allow.empty() || any_holds(settings.allow, client);
}

// The authority to ask at instead; the port goes with the scheme that it was for.
std::string place_of(const model::RouteSettings& settings, const Asked& asked, bool to_https) {
  const std::string_view host =
      settings.canonical_host.empty() ? asked.host : std::string_view(settings.canonical_host);
  const auto colon = asked.authority.rfind(':');
  const bool has_port = colon != asked.authority.npos && !asked.authority.ends_with(']');
  if (to_https && asked.https_port != 443) return fmt::format("{}:{}", host, asked.https_port);
  if (to_https || !has_port) return std::string(host);
  return std::string(host) + std::string(asked.authority.substr(colon));
}

std::optional<EdgeAnswer> redirect(const model::RouteSettings& settings, const Asked& asked) {
  const bool to_https = settings.https_redirect && !asked.secure;
  const bool to_host = !settings.canonical_host.empty() && asked.host != settings.canonical_host;
  if (!to_https && !to_host) return std::nullopt;
  // "*" (OPTIONS) is of no place (RFC 9110 section 7.1).
  const std::string_view path = asked.path_query == "*" ? "/" : asked.path_query;
  const std::string to = fmt::format("{}://{}{}", to_https || asked.secure ? "https" : "http",
                                     place_of(settings, asked, to_https), path);
  return EdgeAnswer{.status = 308,
                    .error = {},
                    .message = "This is served at " + to,
                    .fields = "Location: " + to + "\r\n",
                    .page = {}};
}

}  // namespace

EdgeAnswer body_too_large(std::uint64_t limit) {
  return {.status = 413,
          .error = "body_too_large",
          .message = fmt::format("A request's content may have at most {} bytes here.", limit),
          .fields = {},
          .page = {}};
}

std::optional<EdgeAnswer> edge_answer(const model::RouteSettings& settings, const Asked& asked) {
  if (!may_ask(settings, asked.client))
    return EdgeAnswer{.status = 403,
                      .error = "address_not_allowed",
                      .message = fmt::format("Requests from {} are not served here.", asked.client),
                      .fields = {},
                      .page = {}};
  if (auto elsewhere = redirect(settings, asked)) return elsewhere;
  if (settings.maintenance && !any_holds(settings.maintenance->bypass, asked.client)) {
    const auto& m = *settings.maintenance;
    return EdgeAnswer{
        .status = 503,
        .error = "maintenance",
        .message = m.text.empty() ? "This is being worked on. Please come back later." : m.text,
        .fields = {},
        .page = m.html,
        .retry_after_s = m.retry_after_s};
  }
  if (settings.body_limit != 0 && asked.framing.kind == http::Framing::Kind::length &&
      asked.framing.length > settings.body_limit)
    return body_too_large(settings.body_limit);
  return std::nullopt;
}

std::string_view error_page(const model::RouteSettings& settings, int status) {
  if (settings.error_pages.empty()) return {};
  auto found = settings.error_pages.find(fmt::to_string(status));
  if (found == settings.error_pages.end())
    found = settings.error_pages.find(fmt::format("{}xx", status / 100));
  return found == settings.error_pages.end() ? std::string_view() : std::string_view(found->second);
}

}  // namespace nuri::router

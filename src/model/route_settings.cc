#include "model/route_settings.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/limits.h"
#include "model/option_fields.h"
#include "model/text.h"

namespace nuri::model {
namespace {

// Cloud Foundry's bounds of hash_balance ("Hash-Based Routing", Handling imbalanced loads).
constexpr double kLeastBalance = 1.1, kMostBalance = 10;
constexpr std::size_t kHostBytes = 253;
constexpr std::size_t kHashBytes = 256;

// RFC 9110 section 5.6.2.
bool is_token(std::string_view text) {
  return !text.empty() && text.size() <= limits::kNameBytes &&
         std::ranges::all_of(text, [](char c) {
           return is_alnum(c) ||
                  std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
         });
}

bool is_host(std::string_view host) {
  if (host.empty() || host.size() > kHostBytes) return false;
  for (std::size_t at = 0; at <= host.size();) {
    const std::size_t dot = std::min(host.find('.', at), host.size());
    if (!is_host_label(host.substr(at, dot - at))) return false;
    at = dot + 1;
  }
  return true;
}

void require(bool holds, std::string_view name, std::string_view why) {
  if (!holds) refuse_option(name, why);
}

void check_count(std::size_t count, std::size_t most, std::string_view name) {
  if (count > most) refuse_option(name, fmt::format("at most {} are allowed, not {}", most, count));
}

void check_page(std::string_view page, std::string_view name) {
  require(page.size() <= limits::kRoutePageBytes, name,
          fmt::format("must have at most {} bytes, not {}", limits::kRoutePageBytes, page.size()));
  require(is_plain_utf8(page, Newlines::allowed), name, "must be UTF-8 without control characters");
}

void check_balance(const RouteSettings& s) {
  const bool hash = s.balance == Balance::hash;
  require(hash || s.hash_header.empty(), "hash_header",
          "can only be set when loadbalancing is hash");
  require(hash || s.hash_balance == 0, "hash_balance",
          "can only be set when loadbalancing is hash");
  if (!hash) return;
  require(!s.hash_header.empty(), "hash_header", "must be set when loadbalancing is hash");
  require(is_token(s.hash_header), "hash_header", "must be the name of a header");
  require(
      s.hash_balance == 0 || (s.hash_balance >= kLeastBalance && s.hash_balance <= kMostBalance),
      "hash_balance", "must be 0 or from 1.1 to 10");
}

void check_maintenance(const Maintenance& m) {
  check_page(m.text, "maintenance.text");
  check_page(m.html, "maintenance.html");
  check_count(m.bypass.size(), limits::kRouteIpRanges, "maintenance.bypass");
  require(m.retry_after_s >= 0 && m.retry_after_s <= 86'400, "maintenance.retry_after",
          "must be 0 to 86400 seconds");
}

void check_users(const BasicAuth& auth) {
  require(!auth.users.empty(), "basic_auth.users", "must name at least one user");
  check_count(auth.users.size(), limits::kRouteUsers, "basic_auth.users");
  // It stands between quotes in WWW-Authenticate.
  require(auth.realm.size() <= limits::kNameBytes &&
              is_plain_utf8(auth.realm, Newlines::forbidden) &&
              auth.realm.find_first_of("\"\\") == auth.realm.npos,
          "basic_auth.realm", "must be at most 255 bytes of text without quotes");
  for (const auto& [name, hash] : auth.users) {
    const std::string field = "basic_auth.users." + name;
    // RFC 7617 section 2: the first colon ends the name.
    require(!name.empty() && name.size() <= limits::kNameBytes && name.find(':') == name.npos &&
                is_plain_utf8(name, Newlines::forbidden),
            field, "a user's name is 1 to 255 bytes of text without ':'");
    require(hash.starts_with('$') && hash.size() <= kHashBytes &&
                std::ranges::all_of(hash, [](char c) { return c > ' ' && c < '\x7f'; }),
            field, "must be a password's hash ($argon2id$…, or of crypt: $2b$…, $6$…, $y$…)");
  }
}

void check_pages(const RouteSettings& s) {
  check_count(s.error_pages.size(), limits::kRoutePages, "error_pages");
  for (const auto& [status, page] : s.error_pages) {
    const std::string field = "error_pages." + status;
    const bool known = status.size() == 3 && (status[0] == '4' || status[0] == '5') &&
                       (status.ends_with("xx") || (is_digit(status[1]) && is_digit(status[2])));
    require(known, field, "pages are named by status: 400 to 599, 4xx or 5xx");
    check_page(page, field);
  }
}

// What is the router's or would change how the answer is read.
bool is_framing(std::string_view name) {
  constexpr std::array<std::string_view, 12> kOwn{
      "connection",   "content-length",    "content-encoding",
      "keep-alive",   "proxy-connection",  "te",
      "trailer",      "transfer-encoding", "upgrade",
      "x-nuri-error", "x-vcap-request-id", "www-authenticate"};
  return std::ranges::find(kOwn, lower(name)) != kOwn.end();
}

void check_headers(const HeaderEdits& edits) {
  check_count(edits.set.size(), limits::kRouteHeaders, "response_headers.set");
  check_count(edits.remove.size(), limits::kRouteHeaders, "response_headers.remove");
  const auto check_name = [](const std::string& field, const std::string& name) {
    require(is_token(name), field, "is no name of a header");
    require(!is_framing(name), field, "is the router's own");
  };
  for (const auto& [name, value] : edits.set) {
    const std::string field = "response_headers.set." + name;
    check_name(field, name);
    require(value.size() <= limits::kRouteHeaderBytes && is_plain_utf8(value, Newlines::forbidden),
            field, "must be at most 4096 bytes of text without control characters");
  }
  for (const auto& name : edits.remove) check_name("response_headers.remove", name);
}

void check_types(const Compression& compress) {
  check_count(compress.types.size(), limits::kRouteTypes, "compress.types");
  for (const auto& type : compress.types) {
    const auto slash = type.find('/');
    const bool good = slash != type.npos && is_token(std::string_view(type).substr(0, slash)) &&
                      is_token(std::string_view(type).substr(slash + 1)) && type == lower(type);
    require(good, "compress.types",
            fmt::format("'{}' is no type, as in text/html or text/*", printable(type)));
  }
}

}  // namespace

void validate(const RouteSettings& s) {
  check_balance(s);
  check_count(s.session_cookies.size(), limits::kRouteCookies, "session_cookies");
  for (const auto& name : s.session_cookies)
    require(is_token(name) && name != "__VCAP_ID__", "session_cookies",
            fmt::format("'{}' cannot be a session's cookie", printable(name)));
  require(s.canonical_host.empty() || is_host(s.canonical_host), "canonical_host",
          "must be a host: lower case, without scheme, port or path");
  if (s.maintenance) check_maintenance(*s.maintenance);
  if (s.basic_auth) check_users(*s.basic_auth);
  check_count(s.allow.size(), limits::kRouteIpRanges, "allow");
  check_count(s.deny.size(), limits::kRouteIpRanges, "deny");
  check_pages(s);
  if (s.compress) check_types(*s.compress);
  check_headers(s.response_headers);
  const std::size_t bytes = json::serialize(route_settings_json(s)).size();
  if (bytes > limits::kRouteSettingsBytes)
    throw Error(Code::unprocessable,
                fmt::format("Options: all of them together may have {} bytes as JSON, not {}",
                            limits::kRouteSettingsBytes, bytes));
}

}  // namespace nuri::model

#include "http/url.h"

#include <fmt/format.h>

#include <charconv>

#include "http/head_rules.h"

namespace nuri::http {

std::optional<Url> Url::parse(std::string_view text) {
  Url url;
  if (text.starts_with("https://"))
    url.tls = true;
  else if (!text.starts_with("http://"))
    return std::nullopt;
  text.remove_prefix(url.tls ? 8 : 7);
  for (const char c : text)
    if (c <= 0x20 || c >= 0x7f || c == '#') return std::nullopt;
  const std::size_t end = std::min(text.find_first_of("/?"), text.size());
  url.authority = text.substr(0, end);
  url.target = text.substr(end);
  if (!url.target.starts_with('/')) url.target.insert(0, "/");
  if (!is_authority(url.authority)) return std::nullopt;

  std::string_view host = url.authority;
  const std::size_t colon = host.find(':', host.starts_with('[') ? host.find(']') : 0);
  url.port = url.tls ? 443 : 80;
  if (colon != host.npos && colon + 1 < host.size()) {
    const std::string_view digits = host.substr(colon + 1);
    const auto [stop, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), url.port);
    if (error != std::errc() || url.port == 0) return std::nullopt;
  }
  host = host.substr(0, colon);
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  url.host = host;
  return url;
}

std::string Url::origin() const {
  return fmt::format("{}://{}:{}", tls ? "https" : "http", host, port);
}

}  // namespace nuri::http

#include "net/address.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstring>

namespace nuri::net {

std::optional<Address> Address::parse(std::string_view text) {
  if (text.starts_with("unix:")) {
    text.remove_prefix(5);
    sockaddr_un path{};
    if (text.empty() || text.size() >= sizeof path.sun_path || text.find('\0') != text.npos)
      return std::nullopt;
    path.sun_family = AF_UNIX;
    std::memcpy(path.sun_path, text.data(), text.size());
    return from(reinterpret_cast<const sockaddr*>(&path),
                static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + text.size() + 1));
  }
  const std::size_t colon = text.rfind(':');
  if (colon == text.npos) return std::nullopt;
  const std::string_view digits = text.substr(colon + 1);
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    const std::string inner(host.substr(1, host.size() - 2));
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    if (inet_pton(AF_INET6, inner.c_str(), &v6.sin6_addr) != 1) return std::nullopt;
    return from(reinterpret_cast<const sockaddr*>(&v6), sizeof v6);
  }
  in_addr v4{};
  if (inet_pton(AF_INET, std::string(host).c_str(), &v4) != 1) return std::nullopt;
  return ipv4(ntohl(v4.s_addr), port);
}

Address Address::ipv4(std::uint32_t host_order, std::uint16_t port) {
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  v4.sin_addr.s_addr = htonl(host_order);
  return from(reinterpret_cast<const sockaddr*>(&v4), sizeof v4);
}

Address Address::from(const sockaddr* address, socklen_t bytes) {
  Address out;
  out.bytes_ = std::min<socklen_t>(bytes, sizeof out.storage_);
  std::memcpy(&out.storage_, address, out.bytes_);
  return out;
}

std::uint16_t Address::port() const {
  if (family() == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in*>(&storage_)->sin_port);
  if (family() == AF_INET6)
    return ntohs(reinterpret_cast<const sockaddr_in6*>(&storage_)->sin6_port);
  return 0;
}

Address Address::with_port(std::uint16_t port) const {
  Address out = *this;
  if (family() == AF_INET) reinterpret_cast<sockaddr_in*>(&out.storage_)->sin_port = htons(port);
  if (family() == AF_INET6) reinterpret_cast<sockaddr_in6*>(&out.storage_)->sin6_port = htons(port);
  return out;
}

std::string Address::host() const {
  char text[INET6_ADDRSTRLEN] = "";
  if (family() == AF_INET)
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(&storage_)->sin_addr, text,
              sizeof text);
  else if (family() == AF_INET6)
    inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(&storage_)->sin6_addr, text,
              sizeof text);
  else if (is_path() && bytes_ > offsetof(sockaddr_un, sun_path))
    return reinterpret_cast<const sockaddr_un*>(&storage_)->sun_path;
  return text;
}

std::string Address::str() const {
  if (family() == AF_INET) return fmt::format("{}:{}", host(), port());
  if (family() == AF_INET6) return fmt::format("[{}]:{}", host(), port());
  return is_path() ? "unix:" + host() : "";
}

}  // namespace nuri::net

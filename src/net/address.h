#pragma once

// Address: where a socket listens or connects: IPv4, IPv6 or a path. A value.

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace nuri::net {

class Address {
 public:
  Address() = default;
  // "127.0.0.1:80", "[::1]:80", "unix:/run/x.sock". No names: nothing here asks DNS. Nullopt if
  // malformed or (paths) longer than the kernel takes (107 bytes).
  static std::optional<Address> parse(std::string_view text);
  static Address ipv4(std::uint32_t host_order, std::uint16_t port);
  static Address loopback(std::uint16_t port) { return ipv4(0x7f000001, port); }
  static Address from(const sockaddr* address, socklen_t bytes);

  bool empty() const { return bytes_ == 0; }
  int family() const { return storage_.ss_family; }
  bool is_path() const { return family() == AF_UNIX; }
  std::uint16_t port() const;  // 0 for a path
  Address with_port(std::uint16_t port) const;
  std::string host() const;  // "127.0.0.1", "::1", the path
  std::string str() const;   // what parse takes

  const sockaddr* raw() const { return reinterpret_cast<const sockaddr*>(&storage_); }
  socklen_t bytes() const { return bytes_; }
  friend bool operator==(const Address& a, const Address& b) { return a.str() == b.str(); }

 private:
  sockaddr_storage storage_{};
  socklen_t bytes_ = 0;
};

}  // namespace nuri::net

#pragma once

// A block of IP addresses as people write it: "10.0.0.0/8", "2001:db8::/32", or one address. A
// value.

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace nuri::model {

// IPv4 as its mapped IPv6 address (RFC 4291 section 2.5.5.2), so that one kind compares with all.
using IpAddress = std::array<unsigned char, 16>;
// "10.1.2.3", "2001:db8::1", without port, brackets or zone. Nullopt for everything else.
std::optional<IpAddress> parse_ip(std::string_view text);

class IpRange {
 public:
  IpRange() = default;
  // Nullopt if malformed, or if bits are set behind the prefix: a mistyped block.
  static std::optional<IpRange> parse(std::string_view text);
  bool contains(const IpAddress& address) const;
  std::string str() const;  // what parse takes; always with its prefix
  friend bool operator==(const IpRange&, const IpRange&) = default;

 private:
  IpAddress first_{};
  int bits_ = 128;
};

}  // namespace nuri::model

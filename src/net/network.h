#pragma once

// Networks: "10.0.0.0/8", "::1", several of them separated by commas. Values.

#include <array>
#include <string_view>
#include <vector>

#include "net/address.h"

namespace nuri::net {

// Whether it is an IPv4 or IPv6 address and nothing else: no port, no brackets.
bool is_host_address(std::string_view text);

class Networks {
 public:
  // Throws Error{bad_request} naming what is no network. An address alone is the network of it
  // alone; bits behind the prefix must be zero.
  static Networks parse(std::string_view text, std::size_t most);

  // An IPv4 address that comes in IPv6's clothes (::ffff:192.0.2.1) is that address.
  bool hold(const Address& address) const;
  // Of a host without a port, as in X-Forwarded-For; false for what is none.
  bool hold(std::string_view host) const;
  bool empty() const { return all_.empty(); }

 private:
  using Bytes = std::array<unsigned char, 16>;  // IPv4 as ::ffff:a.b.c.d
  struct One {
    Bytes prefix{};
    unsigned bits = 0;
  };
  bool hold(const Bytes& bytes) const;
  std::vector<One> all_;
};

}  // namespace nuri::net

#pragma once

// Where an instance listens: sock_diag(7), or /proc/net/tcp and tcp6
// (Documentation/networking/proc_net_tcp.rst).
// Pure; the fuzzable part of choosing an address to connect to.

#include <netinet/in.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nuri::shim {

struct ListenAddress {
  bool v6 = false;
  std::uint8_t bytes[16] = {};  // network order; 4 of them for IPv4
  std::uint16_t port = 0;
  bool is_any() const;
  bool is_loopback() const;
};

// Reads a table piece by piece, so that it needs no memory: feed() with what read() returned, until
// it returns false: the kernel writes the listening sockets first, and the first other row ends
// them.
class TcpTable {
 public:
  explicit TcpTable(bool v6) : v6_(v6) {}
  bool feed(std::string_view piece);
  const std::vector<ListenAddress>& listening() const { return listening_; }

 private:
  bool row(std::string_view line);

  bool v6_;
  bool header_seen_ = false;
  std::string line_;
  std::vector<ListenAddress> listening_;
};

// Adds the listening sockets in `bytes`, one datagram of a sock_diag dump (inet_diag_msg in netlink
// messages). False: it was the last, or is malformed.
bool read_diag(std::string_view bytes, std::vector<ListenAddress>& out);

// Of all that listens on `port`, the address to connect to from inside the namespace: loopback or
// any address before others, IPv4 before IPv6 ("::" may or may not take IPv4; ::1 reaches it
// always).
std::optional<ListenAddress> choose(const std::vector<ListenAddress>& listening,
                                    std::uint16_t port);

// The ports, ascending, each once, at most limits::kListeningPorts.
std::vector<std::uint16_t> ports_of(const std::vector<ListenAddress>& listening);

// What connect() takes for `address`: an any-address becomes loopback. Returns the length.
socklen_t to_sockaddr(const ListenAddress& address, sockaddr_storage& out);
// "127.0.0.1:8080", "[::1]:8080"; an any-address as loopback.
std::string to_text(const ListenAddress& address);

}  // namespace nuri::shim

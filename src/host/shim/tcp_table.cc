#include "host/shim/tcp_table.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "base/limits.h"

namespace nuri::shim {
namespace {

constexpr std::size_t kRowBytes = 512;
constexpr std::size_t kRows = 1024;  // listening sockets of one instance that are looked at
constexpr std::string_view kListen = "0A";

std::string_view next_word(std::string_view& text) {
  std::size_t begin = text.find_first_not_of(' ');
  if (begin == std::string_view::npos) return text = {};
  text.remove_prefix(begin);
  std::size_t end = std::min(text.find(' '), text.size());
  std::string_view word = text.substr(0, end);
  text.remove_prefix(end);
  return word;
}

template <class T>
bool parse_hex(std::string_view text, T& out) {
  auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), out, 16);
  return failure == std::errc() && end == text.data() + text.size();
}

// "0100007F:1F90": 32-bit words as the machine has them in memory, then the port.
bool parse_address(std::string_view text, bool v6, ListenAddress& out) {
  std::size_t words = v6 ? 4 : 1;
  if (text.size() != words * 8 + 5 || text[words * 8] != ':') return false;
  for (std::size_t i = 0; i < words; ++i) {
    std::uint32_t word = 0;
    if (!parse_hex(text.substr(i * 8, 8), word)) return false;
    std::memcpy(out.bytes + i * 4, &word, 4);
  }
  out.v6 = v6;
  return parse_hex(text.substr(words * 8 + 1), out.port);
}

bool is_mapped(const ListenAddress& address) {
  static constexpr std::uint8_t kPrefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  return address.v6 && std::memcmp(address.bytes, kPrefix, sizeof kPrefix) == 0;
}

// ::ffff:127.0.0.1 takes IPv4 only.
ListenAddress unmapped(ListenAddress address) {
  if (!is_mapped(address)) return address;
  std::memmove(address.bytes, address.bytes + 12, 4);
  address.v6 = false;
  return address;
}

int rank(const ListenAddress& address) {
  return (address.is_any() || address.is_loopback() ? 0 : 2) + (address.v6 ? 1 : 0);
}

}  // namespace

bool ListenAddress::is_any() const {
  return std::all_of(bytes, bytes + (v6 ? 16 : 4), [](std::uint8_t b) { return b == 0; });
}

bool ListenAddress::is_loopback() const {
  if (!v6) return bytes[0] == 127;
  return bytes[15] == 1 && std::all_of(bytes, bytes + 15, [](std::uint8_t b) { return b == 0; });
}

bool TcpTable::feed(std::string_view piece) {
  while (!piece.empty()) {
    std::size_t end = piece.find('\n');
    line_.append(piece.substr(0, end));
    if (line_.size() > kRowBytes) return false;
    if (end == std::string_view::npos) return true;
    piece.remove_prefix(end + 1);
    bool more = !header_seen_ || row(line_);
    header_seen_ = true;
    line_.clear();
    if (!more) return false;
  }
  return true;
}

bool TcpTable::row(std::string_view line) {
  next_word(line);  // number
  std::string_view local = next_word(line);
  next_word(line);  // the other side
  if (next_word(line) != kListen || listening_.size() == kRows) return false;
  ListenAddress address;
  if (!parse_address(local, v6_, address)) return false;
  listening_.push_back(unmapped(address));
  return true;
}

bool read_diag(std::string_view bytes, std::vector<ListenAddress>& out) {
  while (bytes.size() >= sizeof(nlmsghdr)) {
    nlmsghdr header;
    std::memcpy(&header, bytes.data(), sizeof header);
    if (header.nlmsg_len < sizeof header || header.nlmsg_len > bytes.size()) return false;
    if (header.nlmsg_type != SOCK_DIAG_BY_FAMILY) return false;  // NLMSG_DONE, NLMSG_ERROR
    if (header.nlmsg_len < NLMSG_LENGTH(sizeof(inet_diag_msg)) || out.size() >= kRows) return false;
    inet_diag_msg message;
    std::memcpy(&message, bytes.data() + NLMSG_LENGTH(0), sizeof message);
    ListenAddress address;
    address.v6 = message.idiag_family == AF_INET6;
    address.port = ntohs(message.id.idiag_sport);
    std::memcpy(address.bytes, message.id.idiag_src, address.v6 ? 16 : 4);
    out.push_back(unmapped(address));
    bytes.remove_prefix(std::min<std::size_t>(NLMSG_ALIGN(header.nlmsg_len), bytes.size()));
  }
  return bytes.empty();
}

std::optional<ListenAddress> choose(const std::vector<ListenAddress>& listening,
                                    std::uint16_t port) {
  const ListenAddress* best = nullptr;
  for (const ListenAddress& address : listening) {
    if (address.port != port) continue;
    if (best == nullptr || rank(address) < rank(*best)) best = &address;
  }
  if (best == nullptr) return std::nullopt;
  return *best;
}

std::vector<std::uint16_t> ports_of(const std::vector<ListenAddress>& listening) {
  std::vector<std::uint16_t> ports;
  for (const ListenAddress& address : listening) ports.push_back(address.port);
  std::sort(ports.begin(), ports.end());
  ports.erase(std::unique(ports.begin(), ports.end()), ports.end());
  if (ports.size() > limits::kListeningPorts) ports.resize(limits::kListeningPorts);
  return ports;
}

socklen_t to_sockaddr(const ListenAddress& address, sockaddr_storage& out) {
  out = {};
  if (address.v6) {
    auto& v6 = reinterpret_cast<sockaddr_in6&>(out);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(address.port);
    std::memcpy(&v6.sin6_addr, address.bytes, 16);
    if (address.is_any()) v6.sin6_addr = in6addr_loopback;
    return sizeof v6;
  }
  auto& v4 = reinterpret_cast<sockaddr_in&>(out);
  v4.sin_family = AF_INET;
  v4.sin_port = htons(address.port);
  std::memcpy(&v4.sin_addr, address.bytes, 4);
  if (address.is_any()) v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return sizeof v4;
}

std::string to_text(const ListenAddress& address) {
  sockaddr_storage storage;
  to_sockaddr(address, storage);
  char text[INET6_ADDRSTRLEN] = "";
  if (address.v6) {
    ::inet_ntop(AF_INET6, &reinterpret_cast<sockaddr_in6&>(storage).sin6_addr, text, sizeof text);
    return "[" + std::string(text) + "]:" + std::to_string(address.port);
  }
  ::inet_ntop(AF_INET, &reinterpret_cast<sockaddr_in&>(storage).sin_addr, text, sizeof text);
  return std::string(text) + ":" + std::to_string(address.port);
}

}  // namespace nuri::shim

#include "router/proxy_preamble.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string>

#include "base/limits.h"

namespace nuri::router {
namespace {

using Parsed = std::expected<std::optional<ProxyPreamble>, std::string_view>;

constexpr std::string_view kVersion1 = "PROXY ";
constexpr std::string_view kVersion2("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::size_t kLine = 107;  // of version 1, its CRLF included
constexpr std::size_t kHead = 16;   // of version 2
constexpr std::size_t kAddresses4 = 12, kAddresses6 = 36, kAddressesUnix = 216;

Parsed broken(std::string_view why) { return std::unexpected(why); }
Parsed not_whole() { return std::optional<ProxyPreamble>(); }

// The next word of `line`, which ends with one space or the line.
std::string_view word_of(std::string_view& line) {
  const std::string_view word = line.substr(0, line.find(' '));
  line.remove_prefix(std::min(line.size(), word.size() + 1));
  return word;
}

std::optional<std::uint16_t> port_of(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  const bool plain = text.size() == 1 || !text.starts_with('0');
  if (error != std::errc() || end != text.data() + text.size() || !plain) return std::nullopt;
  return port;
}

std::optional<net::Address> address_of(int family, std::string_view host, std::string_view port) {
  const auto number = port_of(port);
  unsigned char raw[16];
  if (!number || host.size() >= INET6_ADDRSTRLEN ||
      ::inet_pton(family, std::string(host).c_str(), raw) != 1)
    return std::nullopt;
  if (family == AF_INET) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(*number);
    std::memcpy(&to.sin_addr, raw, sizeof to.sin_addr);
    return net::Address::from(reinterpret_cast<const sockaddr*>(&to), sizeof to);
  }
  sockaddr_in6 to{};
  to.sin6_family = AF_INET6;
  to.sin6_port = htons(*number);
  std::memcpy(&to.sin6_addr, raw, sizeof to.sin6_addr);
  return net::Address::from(reinterpret_cast<const sockaddr*>(&to), sizeof to);
}

Parsed parse_version1(std::string_view text) {
  const auto end = text.substr(0, kLine).find("\r\n");
  if (end == text.npos) return text.size() >= kLine ? broken("its line has no end") : not_whole();
  std::string_view line = text.substr(kVersion1.size(), end - kVersion1.size());
  ProxyPreamble out{.bytes = end + 2, .client = {}};
  const std::string_view family = word_of(line);
  if (family == "UNKNOWN") return out;
  if (family != "TCP4" && family != "TCP6") return broken("its family is neither TCP4 nor TCP6");
  const int number = family == "TCP4" ? AF_INET : AF_INET6;
  const auto from = word_of(line), to = word_of(line), from_port = word_of(line);
  out.client = address_of(number, from, from_port);
  // What is left is one word: another would hold a space.
  if (!out.client || !address_of(number, to, line)) return broken("its addresses are malformed");
  return out;
}

Parsed parse_version2(std::string_view text) {
  if (text.size() < kHead) return not_whole();
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const std::size_t length = byte(14) * 256U + byte(15);
  if (byte(12) >> 4 != 2) return broken("its version is unknown");
  const unsigned command = byte(12) & 15U;
  if (command > 1) return broken("its command is unknown");
  if (kHead + length > limits::kProxyPreambleBytes) return broken("it is too long");
  if (text.size() < kHead + length) return not_whole();
  ProxyPreamble out{.bytes = kHead + length, .client = {}};
  if (command == 0) return out;
  const char* addresses = text.data() + kHead;
  switch (byte(13)) {
    case 0x00:  // unspecified
      return out;
    case 0x11: {
      if (length < kAddresses4) return broken("its addresses are cut short");
      sockaddr_in from{};
      from.sin_family = AF_INET;
      std::memcpy(&from.sin_addr, addresses, 4);
      std::memcpy(&from.sin_port, addresses + 8, 2);
      out.client = net::Address::from(reinterpret_cast<const sockaddr*>(&from), sizeof from);
      return out;
    }
    case 0x21: {
      if (length < kAddresses6) return broken("its addresses are cut short");
      sockaddr_in6 from{};
      from.sin6_family = AF_INET6;
      std::memcpy(&from.sin6_addr, addresses, 16);
      std::memcpy(&from.sin6_port, addresses + 32, 2);
      out.client = net::Address::from(reinterpret_cast<const sockaddr*>(&from), sizeof from);
      return out;
    }
    case 0x31:  // a path: nobody's address
      if (length < kAddressesUnix) return broken("its addresses are cut short");
      return out;
    default:
      return broken("its family is not over TCP");
  }
}

}  // namespace

Parsed parse_proxy_preamble(std::string_view text) {
  const auto begins = [&](std::string_view wanted) {
    return text.substr(0, wanted.size()) == wanted.substr(0, text.size());
  };
  if (begins(kVersion2)) return text.size() < kVersion2.size() ? not_whole() : parse_version2(text);
  if (begins(kVersion1)) return text.size() < kVersion1.size() ? not_whole() : parse_version1(text);
  return broken("it does not begin with the PROXY protocol");
}

}  // namespace nuri::router

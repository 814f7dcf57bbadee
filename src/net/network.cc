#include "net/network.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>
#include <string>

#include "base/error.h"

namespace nuri::net {
namespace {

using Bytes = std::array<unsigned char, 16>;
constexpr std::size_t kBefore4 = 12;  // bytes before an IPv4 address in its IPv6 form

Bytes mapped(const void* four) {
  Bytes out{};
  out[10] = out[11] = 0xff;
  std::memcpy(out.data() + kBefore4, four, 4);
  return out;
}

std::optional<Bytes> bytes_of(std::string_view host) {
  if (host.size() >= INET6_ADDRSTRLEN) return std::nullopt;
  const std::string text(host);
  Bytes bytes{};
  if (::inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1) return bytes;
  if (::inet_pton(AF_INET, text.c_str(), bytes.data()) == 1) return mapped(bytes.data());
  return std::nullopt;
}

bool same_bits(const Bytes& a, const Bytes& b, unsigned bits) {
  const std::size_t whole = bits / 8;
  if (!std::equal(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(whole), b.begin()))
    return false;
  const unsigned rest = bits % 8;
  return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

// The bits behind the prefix.
bool any_behind(const Bytes& bytes, unsigned bits) {
  for (unsigned at = bits; at < 128; ++at)
    if ((bytes[at / 8] >> (7 - at % 8)) & 1) return true;
  return false;
}

}  // namespace

bool is_host_address(std::string_view text) { return bytes_of(text).has_value(); }

Networks Networks::parse(std::string_view text, std::size_t most) {
  Networks out;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    const auto slash = word.find('/');
    const std::string_view host = word.substr(0, slash);
    const unsigned longest = host.find(':') == host.npos ? 32 : 128;
    unsigned bits = longest;
    bool good = true;
    if (slash != word.npos) {
      const std::string_view digits = word.substr(slash + 1);
      const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
      good = error == std::errc() && end == digits.data() + digits.size() && bits <= longest;
    }
    const auto bytes = bytes_of(host);
    if (longest == 32) bits += 8 * kBefore4;
    if (!good || !bytes || any_behind(*bytes, bits))
      throw Error(Code::bad_request,
                  fmt::format("'{}' is no network, as in 10.0.0.0/8 or fd00::/8", word));
    if (out.all_.size() >= most)
      throw Error(Code::bad_request, fmt::format("there are more than {} networks", most));
    out.all_.push_back({*bytes, bits});
  }
  return out;
}

bool Networks::hold(const Bytes& bytes) const {
  return std::ranges::any_of(
      all_, [&](const One& one) { return same_bits(one.prefix, bytes, one.bits); });
}

bool Networks::hold(const Address& address) const {
  if (address.family() == AF_INET)
    return hold(mapped(&reinterpret_cast<const sockaddr_in*>(address.raw())->sin_addr));
  if (address.family() != AF_INET6) return false;
  Bytes bytes;
  std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in6*>(address.raw())->sin6_addr, 16);
  return hold(bytes);
}

bool Networks::hold(std::string_view host) const {
  const auto bytes = bytes_of(host);
  return bytes && hold(*bytes);
}

}  // namespace nuri::net

#include "model/ip_range.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace nuri::model {
namespace {

constexpr std::array<unsigned char, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr int kMappedBits = 96;

bool is_ipv4(const IpAddress& address) {
  return std::equal(kMapped.begin(), kMapped.end(), address.begin());
}

bool bit(const IpAddress& address, int at) {
  return address[static_cast<std::size_t>(at / 8)] >> (7 - at % 8) & 1;
}

}  // namespace

std::optional<IpAddress> parse_ip(std::string_view text) {
  std::array<char, INET6_ADDRSTRLEN> copy{};
  if (text.size() >= copy.size() || text.find('\0') != text.npos) return std::nullopt;
  std::ranges::copy(text, copy.begin());
  IpAddress out{};
  if (text.find(':') != text.npos)
    return ::inet_pton(AF_INET6, copy.data(), out.data()) == 1 ? std::optional(out) : std::nullopt;
  std::ranges::copy(kMapped, out.begin());
  if (::inet_pton(AF_INET, copy.data(), out.data() + kMapped.size()) != 1) return std::nullopt;
  return out;
}

std::optional<IpRange> IpRange::parse(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = parse_ip(text.substr(0, slash));
  if (!address) return std::nullopt;
  const bool v4 = text.find(':') == text.npos;
  const int most = v4 ? 32 : 128;
  int bits = most;
  if (slash != text.npos) {
    const auto digits = text.substr(slash + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
    if (digits.empty() || error != std::errc() || end != digits.data() + digits.size() ||
        bits < 0 || bits > most)
      return std::nullopt;
  }
  IpRange out;
  out.first_ = *address;
  out.bits_ = bits + (v4 ? kMappedBits : 0);
  for (int at = out.bits_; at < 128; ++at)
    if (bit(*address, at)) return std::nullopt;
  return out;
}

bool IpRange::contains(const IpAddress& address) const {
  const auto whole = static_cast<std::size_t>(bits_ / 8);
  if (std::memcmp(address.data(), first_.data(), whole) != 0) return false;
  for (int at = bits_ / 8 * 8; at < bits_; ++at)
    if (bit(address, at) != bit(first_, at)) return false;
  return true;
}

std::string IpRange::str() const {
  const bool v4 = is_ipv4(first_) && bits_ >= kMappedBits;
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(v4 ? AF_INET : AF_INET6, first_.data() + (v4 ? kMapped.size() : 0), text.data(),
              text.size());
  return std::string(text.data()) + "/" + std::to_string(v4 ? bits_ - kMappedBits : bits_);
}

}  // namespace nuri::model

#include "router/hash_balance.h"

#include <cmath>
#include <cstdint>

namespace nuri::router {
namespace {

// FNV-1a (draft-eastlake-fnv), whose last bytes reach few bits, and so a finalizer behind it.
std::uint64_t fnv(std::uint64_t state, std::string_view text) {
  for (const char c : text) {
    state ^= static_cast<unsigned char>(c);
    state *= 0x100000001b3;
  }
  return state;
}

// splitmix64's.
std::uint64_t mixed(std::uint64_t x) {
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
  x = (x ^ x >> 27) * 0x94d049bb133111eb;
  return x ^ x >> 31;
}

}  // namespace

double hash_score(std::string_view value, std::string_view instance, int weight) {
  constexpr std::uint64_t kOffset = 0xcbf29ce484222325;
  const std::uint64_t both = mixed(mixed(fnv(kOffset, value)) ^ fnv(kOffset, instance));
  // 53 bits and a half: in (0, 1), never one of its ends.
  const double u = (static_cast<double>(both >> 11) + 0.5) * 0x1p-53;
  return -weight / std::log(u);
}

}  // namespace nuri::router

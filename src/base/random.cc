#include "base/random.h"

#include <sys/random.h>

#include <cstring>

#include "base/assert.h"

namespace nuri {

std::uint64_t Random::below(std::uint64_t bound) {
  NURI_ASSERT(bound > 0);
  return static_cast<std::uint64_t>((static_cast<unsigned __int128>(next()) * bound) >> 64);
}

void Random::fill(std::span<unsigned char> bytes) {
  while (!bytes.empty()) {
    const std::uint64_t word = next();
    const std::size_t n = bytes.size() < sizeof word ? bytes.size() : sizeof word;
    std::memcpy(bytes.data(), &word, n);
    bytes = bytes.subspan(n);
  }
}

std::uint64_t SystemRandom::next() {
  std::uint64_t word = 0;
  NURI_ASSERT(getrandom(&word, sizeof word, 0) == sizeof word);
  return word;
}

std::uint64_t SeededRandom::next() {
  std::uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

}  // namespace nuri

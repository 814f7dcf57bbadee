#pragma once

// Randomness as an interface, so that a simulated history replays from its seed.

#include <cstdint>
#include <span>

namespace nuri {

class Random {
 public:
  virtual ~Random() = default;
  virtual std::uint64_t next() = 0;
  // Uniform in [0, bound); bound > 0.
  std::uint64_t below(std::uint64_t bound);
  // True with probability `percent`/100.
  bool chance(unsigned percent) { return below(100) < percent; }
  void fill(std::span<unsigned char> bytes);
};

// The kernel's (getrandom): for secrets and names in production.
class SystemRandom final : public Random {
 public:
  std::uint64_t next() override;
};

// Reproducible: splitmix64 (Steele, Lea, Flood 2014). Never for secrets.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() override;

 private:
  std::uint64_t state_;
};

}  // namespace nuri

#pragma once

// One simulated history: a seed chooses users, faults and crashes; users act while things go wrong;
// then the faults stop, and what was asked for must come to be.

#include <cstdint>
#include <string>
#include <vector>

namespace nuri::sim {

struct Outcome {
  std::uint64_t seed = 0;
  std::string violation;  // empty: everything held
  std::uint64_t hash = 0;
  std::uint64_t steps = 0;
  double seconds = 0;  // of virtual time
  unsigned crashes = 0;
  std::vector<std::string> trace;  // if it was kept
};

enum class KeepTrace { no, yes };
Outcome run_history(std::uint64_t seed, KeepTrace keep);

}  // namespace nuri::sim

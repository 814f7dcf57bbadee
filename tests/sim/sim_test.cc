// Histories by the thousand. NURI_SIM_SEED=N runs one and shows it; NURI_SIM_COUNT says how many,
// NURI_SIM_FIRST from which seed on.

#include <gtest/gtest.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "base/log.h"
#include "history.h"

namespace nuri::sim {
namespace {

std::uint64_t g_seed = 0;

void say_how_to_replay(std::FILE* to, std::uint64_t seed) {
  std::fprintf(to, "\nreplay seed %llu: NURI_SIM_SEED=%llu %s --gtest_filter=*Every*\n",
               static_cast<unsigned long long>(seed), static_cast<unsigned long long>(seed),
               program_invocation_name);
}

// An assertion that fails, or a history that does not end and is ended.
void name_the_seed(int signal) {
  say_how_to_replay(stderr, g_seed);
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

std::uint64_t number_of(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text && *text ? std::strtoull(text, nullptr, 10) : otherwise;
}

Outcome history(std::uint64_t seed, KeepTrace keep = KeepTrace::no) {
  g_seed = seed;
  return run_history(seed, keep);
}

constexpr std::size_t kShownLines = 80;

void show(const Outcome& outcome) {
  const bool all = std::getenv("NURI_SIM_SEED") != nullptr;
  const std::size_t size = outcome.trace.size();
  for (std::size_t n = all || size < kShownLines ? 0 : size - kShownLines; n < size; ++n)
    std::printf("%s\n", outcome.trace[n].c_str());
}

class Simulation : public testing::Test {
 protected:
  Simulation() {
    set_log_level(std::getenv("NURI_SIM_SEED") ? Level::debug : Level::off);
    for (const int number : {SIGABRT, SIGTERM, SIGINT}) std::signal(number, name_the_seed);
  }
};

// A sanitizer makes each seven times as slow: a minute of them.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define NURI_SANITIZED
#endif
#endif
#ifdef NURI_SANITIZED
constexpr std::uint64_t kHistories = 750;
#else
constexpr std::uint64_t kHistories = 10'000;
#endif

TEST_F(Simulation, EveryHistoryConverges) {
  if (const auto seed = number_of("NURI_SIM_SEED", 0)) {
    const Outcome outcome = history(seed, KeepTrace::yes);
    show(outcome);
    EXPECT_EQ(outcome.violation, "");
    return;
  }
  const std::uint64_t first = number_of("NURI_SIM_FIRST", 1);
  const std::uint64_t count = number_of("NURI_SIM_COUNT", kHistories);
  std::uint64_t steps = 0, crashes = 0;
  double seconds = 0;
  std::uint64_t run = 0;
  int failures = 0;
  for (std::uint64_t seed = first; seed < first + count && failures < 5; ++seed) {
    const Outcome outcome = history(seed);
    ++run;
    steps += outcome.steps;
    crashes += outcome.crashes;
    seconds += outcome.seconds;
    if (outcome.violation.empty()) continue;
    ++failures;
    ADD_FAILURE() << "seed " << seed << ": " << outcome.violation;
    if (failures == 1) show(history(seed, KeepTrace::yes));
    say_how_to_replay(stdout, seed);
  }
  std::printf("%llu histories: %llu steps, %llu crashes of the server, %.0f hours\n",
              static_cast<unsigned long long>(run), static_cast<unsigned long long>(steps),
              static_cast<unsigned long long>(crashes), seconds / 3600);
}

TEST_F(Simulation, OneSeedIsOneHistory) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed)
    EXPECT_EQ(history(seed).hash, history(seed, KeepTrace::yes).hash) << "seed " << seed;
  EXPECT_NE(history(1).hash, history(2).hash);
}

}  // namespace
}  // namespace nuri::sim

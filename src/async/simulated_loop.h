#pragma once

// The loop of simulations: virtual time that jumps to the next timer, and a seeded choice of what
// runs next, so that a seed is a history and a failing one replays. It has no descriptors (adopt
// asserts): what runs on it talks through interfaces with fakes.

#include "async/loop.h"
#include "base/random.h"

namespace nuri::async {

class SimulatedLoop final : public Loop {
 public:
  explicit SimulatedLoop(std::uint64_t seed);

  Time now() const override { return now_; }
  Time turned() const override { return now_; }
  WallTime wall() const override { return {kEpoch + now_.ns}; }
  Random& random() { return random_; }
  // Steps taken so far: a history that does not end runs into the caller's bound on them.
  std::uint64_t steps() const { return steps_; }

  // Resumes, fires and jumps until nothing is left to do, `until` is reached, or `done` says so.
  // For tests that stop a history in the middle (a crash); run() is the ordinary way.
  void drive(Time until, const std::function<bool()>& done);

  SlotId adopt(Fd fd) override;
  void release(SlotId slot) override;
  int native(SlotId slot) const override;
  bool start(Operation& operation) override;
  void forget(Operation& operation) override;
  void watch(SlotId slot, HangupWatch& watch) override;
  void unwatch(SlotId) override {}
  bool seen_quiet(SlotId) const override { return false; }
  std::size_t slots() const override { return 0; }
  void give_back(std::uint32_t buffer) override;

 protected:
  void turn(Wait wait) override;
  void interrupt() override {}

 private:
  static constexpr std::int64_t kEpoch = 1'700'000'000'000'000'000;
  SeededRandom random_;
  Time now_;
  std::uint64_t steps_ = 0;
};

}  // namespace nuri::async

#pragma once

// FakeEngine: the Engine of simulations, on a FakeMachine. Calls take a seeded while there and back
// and fail as the machine's faults say. Made anew with each simulated server.

#include <functional>

#include "async/deadline.h"
#include "engine/fake/fake_machine.h"

namespace nuri::engine {

class FakeEngine final : public Engine {
 public:
  FakeEngine(async::Loop& loop, FakeMachine& machine, Random& random)
      : loop_(loop), machine_(machine), random_(random) {}

  // Lets time pass on the machine, and says when something changed. Until cancelled.
  Task<void> run();

  Task<void> start(InstanceSpec spec) override;
  Task<void> stop(InstanceGuid guid, Duration grace) override;
  Task<void> remove(InstanceGuid guid) override;
  Task<std::vector<Observed>> observe() override;
  async::Event& changed() override { return changed_; }
  Task<ProbeResult> probe(InstanceGuid guid, Probe probe) override;
  Task<std::optional<Stats>> stats(InstanceGuid guid) override;
  std::string upstream(const InstanceGuid& guid, int port) const override;
  Task<BuildResult> build(BuildSpec spec) override;
  Task<void> forget_app(AppGuid app) override;
  Task<void> collect(std::set<Digest> images_in_use) override;

 private:
  using What = std::function<void(FakeMachine&, Time)>;

  Duration some_while();
  void advance();
  Task<void> pause(Duration duration);
  // The way to the machine, for what only looks.
  Task<void> travel();
  // The way there, `what` done at its end whatever becomes of the caller, and the way back.
  Task<void> call(InstanceGuid guid, What what);
  // The way back: takes a while, and throws if the answer is lost.
  Task<void> come_back();

  async::Loop& loop_;
  FakeMachine& machine_;
  Random& random_;
  async::Event changed_;
};

}  // namespace nuri::engine

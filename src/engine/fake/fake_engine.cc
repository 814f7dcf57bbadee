#include "engine/fake/fake_engine.h"

namespace nuri::engine {

Task<void> FakeEngine::run() {
  for (;;) {
    advance();
    const Time next = machine_.next_event();
    const Duration wait =
        std::min<Duration>(next == kNever ? Duration(1s) : next - loop_.now(), 1s);
    if (!co_await async::sleep(std::max<Duration>(wait, 1ms))) co_return;
  }
}

void FakeEngine::advance() {
  if (machine_.advance(loop_.now())) changed_.pulse();
}

Duration FakeEngine::some_while() {
  return Duration(static_cast<std::int64_t>(
      random_.below(static_cast<std::uint64_t>(machine_.faults.slowest_call.count()) + 1)));
}

Task<void> FakeEngine::pause(Duration duration) {
  if (auto slept = co_await async::sleep(duration); !slept)
    throw error_of(slept.error(), "call the engine");
}

Task<void> FakeEngine::travel() {
  co_await pause(some_while());
  advance();
  if (random_.chance(machine_.faults.refused))
    throw Error(Code::unavailable, "the engine cannot be reached");
}

Task<void> FakeEngine::come_back() {
  co_await pause(some_while());
  if (random_.chance(machine_.faults.answer_lost))
    throw Error(Code::unavailable, "the engine's answer was lost");
}

Task<void> FakeEngine::call(InstanceGuid guid, What what) {
  if (random_.chance(machine_.faults.refused)) {
    co_await pause(some_while());
    throw Error(Code::unavailable, "the engine cannot be reached");
  }
  const Time arrival = machine_.send(guid, loop_.now() + some_while(), std::move(what));
  co_await pause(std::max<Duration>(arrival - loop_.now(), 0ns));
  advance();
  co_await come_back();
}

Task<void> FakeEngine::start(InstanceSpec spec) {
  if (random_.chance(machine_.faults.no_sandbox)) {
    co_await travel();
    throw Error(Code::no_space, "no room for another instance");
  }
  const InstanceGuid guid = spec.guid;
  co_await call(
      guid, [spec = std::move(spec)](FakeMachine& machine, Time now) { machine.start(spec, now); });
}

Task<void> FakeEngine::stop(InstanceGuid guid, Duration grace) {
  const bool lost = random_.chance(machine_.faults.stop_lost);
  co_await call(guid, [guid, grace, lost](FakeMachine& machine, Time now) {
    if (!lost) machine.stop(guid, grace, now);
  });
}

Task<void> FakeEngine::remove(InstanceGuid guid) {
  co_await call(guid, [guid](FakeMachine& machine, Time) { machine.remove(guid); });
}

Task<std::vector<Observed>> FakeEngine::observe() {
  co_await travel();
  std::vector<Observed> out;
  for (const auto& [guid, sandbox] : machine_.sandboxes())
    out.push_back({guid, sandbox.spec.app, sandbox.build, sandbox.exit});
  co_await come_back();
  co_return out;
}

Task<ProbeResult> FakeEngine::probe(InstanceGuid guid, Probe probe) {
  co_await travel();
  const auto it = machine_.sandboxes().find(guid);
  if (it == machine_.sandboxes().end() || it->second.exit)
    throw Error(Code::unavailable, "the instance is gone");
  const bool ready =
      probe.type == model::HealthCheckType::process || it->second.ready_at <= loop_.now();
  co_return ProbeResult{ready, ready ? "" : "nothing listens", {}};
}

Task<std::optional<Stats>> FakeEngine::stats(InstanceGuid guid) {
  co_await travel();
  const auto it = machine_.sandboxes().find(guid);
  if (it == machine_.sandboxes().end() || it->second.exit) co_return std::nullopt;
  co_return Stats{0.01, 20u << 20, 1u << 20, loop_.now() - it->second.starts_at};
}

std::string FakeEngine::upstream(const InstanceGuid& guid, int) const {
  return "fake:" + guid.str();
}

Task<BuildResult> FakeEngine::build(BuildSpec spec) {
  const InstanceGuid sandbox(spec.guid.str());
  ++machine_.builds;
  co_await call(sandbox,
                [spec](FakeMachine& machine, Time now) { machine.start_build(spec, now); });
  const auto slept = co_await async::sleep(std::chrono::milliseconds(100 + random_.below(5000)));
  // Also when it is cut short, as the real one does.
  machine_.send(sandbox, loop_.now(),
                [sandbox](FakeMachine& machine, Time) { machine.remove(sandbox); });
  advance();
  if (!slept) throw error_of(slept.error(), "build");
  if (random_.chance(machine_.faults.build_fails))
    throw Error(Code::unprocessable, "the build failed");
  co_await come_back();
  co_return BuildResult{
      machine_.image_of(spec.package), {{"web", "run it"}}, {{"fake", "1", ""}}, 1000};
}

Task<void> FakeEngine::forget_app(AppGuid) { co_await travel(); }
Task<void> FakeEngine::collect(std::set<Digest>) { co_await travel(); }

}  // namespace nuri::engine

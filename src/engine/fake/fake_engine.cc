#include "engine/fake/fake_engine.h"

namespace nuri::engine {

Task<void> FakeEngine::run() {
  for (;;) {
    if (machine_.advance(loop_.now())) changed_.pulse();
    const Time next = machine_.next_event();
    const Duration wait =
        std::min<Duration>(next == kNever ? Duration(1s) : next - loop_.now(), 1s);
    if (!co_await async::sleep(std::max<Duration>(wait, 1ms))) co_return;
  }
}

Task<void> FakeEngine::travel() {
  const auto slowest = static_cast<std::uint64_t>(machine_.faults.slowest_call.count()) + 1;
  if (auto slept =
          co_await async::sleep(Duration(static_cast<std::int64_t>(random_.below(slowest))));
      !slept)
    throw error_of(slept.error(), "call the engine");
  machine_.advance(loop_.now());
  if (random_.chance(machine_.faults.refused))
    throw Error(Code::unavailable, "the engine cannot be reached");
}

void FakeEngine::come_back() {
  if (random_.chance(machine_.faults.answer_lost))
    throw Error(Code::unavailable, "the engine's answer was lost");
}

Task<void> FakeEngine::start(InstanceSpec spec) {
  co_await travel();
  if (random_.chance(machine_.faults.no_sandbox))
    throw Error(Code::no_space, "no room for another instance");
  machine_.start(spec, loop_.now());
  changed_.pulse();
  come_back();
}

Task<void> FakeEngine::stop(InstanceGuid guid, Duration grace) {
  co_await travel();
  if (!random_.chance(machine_.faults.stop_lost)) machine_.stop(guid, grace, loop_.now());
  come_back();
}

Task<void> FakeEngine::remove(InstanceGuid guid) {
  co_await travel();
  machine_.remove(guid);
  changed_.pulse();
  come_back();
}

Task<std::vector<Observed>> FakeEngine::observe() {
  co_await travel();
  std::vector<Observed> out;
  for (const auto& [guid, sandbox] : machine_.sandboxes())
    out.push_back({guid, sandbox.spec.app, false, sandbox.exit});
  come_back();
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
  ++machine_.builds;
  co_await travel();
  if (auto slept = co_await async::sleep(std::chrono::milliseconds(100 + random_.below(5000)));
      !slept)
    throw error_of(slept.error(), "build");
  if (random_.chance(machine_.faults.build_fails))
    throw Error(Code::unprocessable, "the build failed");
  come_back();
  co_return BuildResult{
      machine_.image_of(spec.package), {{"web", "run it"}}, {{"fake", "1", ""}}, 1000};
}

Task<void> FakeEngine::forget_app(AppGuid) { co_await travel(); }
Task<void> FakeEngine::collect(std::set<Digest>) { co_await travel(); }

}  // namespace nuri::engine

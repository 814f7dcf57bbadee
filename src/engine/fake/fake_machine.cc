#include "engine/fake/fake_machine.h"

#include <set>
#include <tuple>
#include <utility>

namespace nuri::engine {

using model::ExitReason;
using model::InstanceExit;

namespace {

constexpr Duration kBoot = std::chrono::milliseconds(300);
constexpr Duration kSlowBoot = std::chrono::seconds(20);

}  // namespace

Behaviour FakeMachine::behaviour(const Digest& image) const {
  const auto it = behaviours_.find(image);
  return it == behaviours_.end() ? Behaviour::healthy : it->second;
}

void FakeMachine::end_due(Time now) {
  for (auto& [guid, sandbox] : sandboxes_) {
    if (sandbox.exit || sandbox.ends_at > now) continue;
    sandbox.exit = sandbox.stop_asked ? InstanceExit{ExitReason::stopped, 0, 15, {}}
                                      : InstanceExit{ExitReason::exited, 1, 0, {}};
    changed_ = true;
  }
}

bool FakeMachine::advance(Time now) {
  while (!requests_.empty() && requests_.begin()->first <= now) {
    const auto first = requests_.extract(requests_.begin());
    end_due(first.key());
    first.mapped().what(*this, first.key());
  }
  end_due(now);
  return std::exchange(changed_, false);
}

Time FakeMachine::next_event() const {
  Time next = requests_.empty() ? kNever : requests_.begin()->first;
  for (const auto& [guid, sandbox] : sandboxes_)
    if (!sandbox.exit) next = std::min(next, sandbox.ends_at);
  return next;
}

Time FakeMachine::send(const InstanceGuid& guid, Time when,
                       std::function<void(FakeMachine&, Time)> what) {
  for (const auto& [arrival, request] : requests_)
    if (request.guid == guid) when = std::max(when, arrival);
  requests_.emplace(when, Request{guid, std::move(what)});
  return when;
}

void FakeMachine::start_build(const BuildSpec& spec, Time now) {
  Sandbox sandbox;
  sandbox.spec.guid = InstanceGuid(spec.guid.str());
  sandbox.spec.app = spec.app;
  sandbox.build = true;
  sandbox.starts_at = sandbox.ready_at = now;
  sandboxes_[sandbox.spec.guid] = std::move(sandbox);
  changed_ = true;
}

void FakeMachine::remove(const InstanceGuid& guid) {
  if (sandboxes_.erase(guid) > 0) changed_ = true;
}

void FakeMachine::start(const InstanceSpec& spec, Time now) {
  if (sandboxes_.contains(spec.guid)) return;
  ++starts;
  changed_ = true;
  Sandbox sandbox;
  sandbox.spec = spec;
  sandbox.starts_at = now;
  const auto jitter = std::chrono::milliseconds(random_.below(500));
  switch (behaviour(spec.image)) {
    case Behaviour::healthy:
      sandbox.ready_at = now + kBoot + jitter;
      break;
    case Behaviour::slow_start:
      sandbox.ready_at = now + kSlowBoot + jitter;
      break;
    case Behaviour::never_listens:
      sandbox.ready_at = kNever;
      break;
    case Behaviour::exits_at_once:
      sandbox.ready_at = kNever;
      sandbox.ends_at = now + jitter;
      break;
    case Behaviour::crashes_later:
      sandbox.ready_at = now + kBoot;
      sandbox.ends_at = now + kBoot + std::chrono::seconds(1 + random_.below(600));
      break;
  }
  sandboxes_.emplace(spec.guid, std::move(sandbox));
}

void FakeMachine::stop(const InstanceGuid& guid, Duration grace, Time now) {
  const auto it = sandboxes_.find(guid);
  if (it == sandboxes_.end() || it->second.exit) return;
  it->second.stop_asked = true;
  ++stops;
  // Some apps never thought of signals and last until the kill.
  const Duration takes =
      random_.chance(20) ? grace : Duration(std::chrono::milliseconds(random_.below(1000)));
  it->second.ends_at = std::min(it->second.ends_at, now + takes);
}

void FakeMachine::kill(const InstanceGuid& guid, Time now) {
  const auto it = sandboxes_.find(guid);
  if (it != sandboxes_.end() && !it->second.exit) {
    it->second.ends_at = now;
    it->second.exit = InstanceExit{ExitReason::signaled, 0, 9, {}};
    changed_ = true;
  }
}

std::string FakeMachine::doubles() const {
  std::set<std::tuple<DeploymentGuid, std::string, int>> seen;
  for (const auto& [guid, sandbox] : sandboxes_) {
    if (sandbox.exit || sandbox.build) continue;
    const InstanceSpec& spec = sandbox.spec;
    if (!seen.emplace(spec.deployment, spec.process_type, spec.index).second)
      return "deployment " + spec.deployment.str() + ", " + spec.process_type + "/" +
             std::to_string(spec.index);
  }
  return {};
}

Digest FakeMachine::image_of(const Digest& package) const {
  return Digest::of("image of " + package.str());
}

}  // namespace nuri::engine

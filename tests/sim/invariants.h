#pragma once

// What must hold. Each check returns the first thing that is wrong, for a person; empty if nothing
// is.

#include <set>
#include <string>

#include "engine/fake/fake_machine.h"
#include "expected.h"
#include "fake_router.h"
#include "model/release.h"
#include "telemetry/memory_log_store.h"

namespace nuri::sim {

// After every commit: who gets requests is right, and an app that serves goes on serving unless its
// instances crashed, its user stopped it or asked for a stop and a start.
class RowRules {
 public:
  std::string after_commit(store::Reader& reader, const store::Changes& changes);
  // A new server: what was true then is no promise of its.
  const std::map<AppGuid, std::set<InstanceGuid>>& serving() const { return serving_; }

 private:
  std::string check(store::Reader& reader, const model::App& app);
  std::map<AppGuid, std::set<InstanceGuid>> serving_;  // routable, of web
};

// After every step: no slot has two live sandboxes, and no instance is told to stop while the
// router still sends it requests.
std::string machine_rules(const engine::FakeMachine& machine, const FakeRouter& router);

struct Judged {
  store::Reader& reader;
  const engine::FakeMachine& machine;
  const FakeRouter& router;
  const telemetry::MemoryLogStore& logs;
  const Expected& expected;
  // Deployments made before this may have failed by the simulation's faults, not the app's.
  WallTime faults_ended;
};

// In the end: everything is as its users asked for, and nothing is left over.
std::string unsettled(const Judged& judged);

}  // namespace nuri::sim

#pragma once

// What must hold at every moment. Each check returns the first thing that is wrong, for a person;
// empty if nothing is. What must hold in the end is in settled.h.

#include <map>
#include <set>
#include <string>

#include "engine/fake/fake_machine.h"
#include "fake_router.h"
#include "model/app.h"
#include "store/store.h"

namespace nuri::sim {

// After every commit: who gets requests is right, and an app that serves goes on serving unless its
// instances crashed, its user stopped it or asked for a stop and a start.
class RowRules {
 public:
  std::string after_commit(store::Reader& reader, const store::Changes& changes);

 private:
  std::string check(store::Reader& reader, const model::App& app);
  std::map<AppGuid, std::set<InstanceGuid>> serving_;  // routable, of web
};

// After every step in which a sandbox was started or told to stop: no slot has two live ones; each
// has a row that says so; an instance of a deployment that recreates lives only when those before
// it are gone; and none is told to stop while the router still sends it requests.
std::string machine_rules(store::Reader& reader, const engine::FakeMachine& machine,
                          const FakeRouter& router);

}  // namespace nuri::sim

#pragma once

// One life of the server: its real parts on a simulated loop, over fakes that outlive it. To crash
// it, take disk() and destroy it: nothing that its destructors do reaches the disk or the machine
// any more.

#include "async/simulated_loop.h"
#include "control/builder.h"
#include "control/deleter.h"
#include "control/reconciler.h"
#include "engine/fake/fake_engine.h"
#include "fake_router.h"
#include "faulty_store.h"
#include "telemetry/memory_log_store.h"

namespace nuri::sim {

// What outlives a server.
struct Outside {
  async::SimulatedLoop& loop;
  engine::FakeMachine& machine;
  FakeRouter& router;
  telemetry::MemoryLogStore& logs;
  Random& random;
};

class SimulatedServer {
 public:
  SimulatedServer(Outside outside, std::unique_ptr<FaultyStore> store);

  store::LiveStore& store() { return live_; }
  FaultyStore& disk() { return *store_; }
  // What serves a request: it dies with the server.
  void spawn(Task<void> handler) { tasks_.spawn(std::move(handler)); }
  void cancel() { tasks_.cancel(); }
  // Until every task has ended.
  Task<void> join() { co_await tasks_.join(); }

 private:
  std::unique_ptr<FaultyStore> store_;
  async::SimulatedPool pool_;
  store::LiveStore live_;
  engine::FakeEngine engine_;
  control::AppLog log_;
  control::Routes routes_;
  control::Reconciler reconciler_;
  control::Builder builder_;
  control::Deleter deleter_;
  async::TaskGroup tasks_;
};

}  // namespace nuri::sim

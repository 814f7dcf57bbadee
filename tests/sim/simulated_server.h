#pragma once

// One life of the server: its real parts on a simulated loop, over fakes that outlive it. To crash
// it, take disk() and destroy it: nothing that its destructors do reaches the disk or the machine
// any more.

#include "api/cf/api.h"
#include "async/simulated_loop.h"
#include "control/audit_log.h"
#include "control/builder.h"
#include "control/collector.h"
#include "control/deleter.h"
#include "control/reconciler.h"
#include "fake_router.h"
#include "faulty_store.h"
#include "image/memory_blob_store.h"
#include "layered_engine.h"
#include "platform.h"
#include "telemetry/memory_log_store.h"

namespace nuri::sim {

// What outlives a server.
struct Outside {
  async::SimulatedLoop& loop;
  engine::FakeMachine& machine;
  MachineDisk& machine_disk;
  FakeRouter& router;
  image::MemoryBlobStore& blobs;
  telemetry::MemoryLogStore& logs;
  Random& random;
  const Platform& platform;
  std::string upload_dir;
  Duration collect_every;
  std::function<void(std::string)> violated;
};

class SimulatedServer {
 public:
  SimulatedServer(const Outside& outside, std::unique_ptr<FaultyStore> store);

  api::CfApi& api() { return api_; }
  FaultyStore& disk() { return *store_; }
  // What serves a request: it dies with the server.
  void spawn(Task<void> handler) { tasks_.spawn(std::move(handler)); }
  void cancel() { tasks_.cancel(); }
  // Until every task has ended.
  Task<void> join() { co_await tasks_.join(); }

 private:
  control::CollectorParts collector_parts(const Outside& outside);

  std::unique_ptr<FaultyStore> store_;
  async::SimulatedPool pool_;
  store::LiveStore live_;
  engine::FakeEngine fake_engine_;
  LayeredEngine engine_;
  control::AppLog log_;
  control::Routes routes_;
  control::Reconciler reconciler_;
  control::Builder builder_;
  control::Deleter deleter_;
  control::AuditLog audit_log_;
  identity::FakePasswordHash hash_;
  identity::Tokens tokens_;
  identity::Logins logins_;
  identity::LoginLimit login_limit_;
  control::Collector collector_;
  api::CfApi api_;
  async::TaskGroup tasks_;
};

}  // namespace nuri::sim

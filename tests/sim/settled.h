#pragma once

// What must hold in the end, once the faults have stopped.

#include <string>

#include "engine/fake/fake_machine.h"
#include "expected.h"
#include "fake_router.h"
#include "image/memory_blob_store.h"
#include "layered_engine.h"
#include "telemetry/memory_log_store.h"

namespace nuri::sim {

struct Judged {
  store::Reader& reader;
  const engine::FakeMachine& machine;
  const MachineDisk& machine_disk;
  const FakeRouter& router;
  const image::MemoryBlobStore& blobs;
  const telemetry::MemoryLogStore& logs;
  const Expected& expected;
  // Deployments made before this may have failed by the simulation's faults, not the app's.
  WallTime faults_ended;
};

// The first thing that is not as its users asked for, or that somebody began and nobody ended;
// empty if there is none.
std::string unsettled(const Judged& judged);
// As unsettled, of what is left over and nothing needs any more: blobs, layers, caches, logs. Once
// garbage has been collected.
std::string leaked(const Judged& judged);

}  // namespace nuri::sim

#pragma once

// Collector: takes away what nothing needs any more: old droplets, packages and builds,
// unreferenced blobs and layers, old log segments, expired jobs. Only what Nuri made and no row
// points to.

#include <vector>

#include "async/blocking_pool.h"
#include "engine/engine.h"
#include "image/blob_store.h"
#include "store/live_store.h"
#include "telemetry/log_store.h"

namespace nuri::control {

struct CollectorParts {
  async::Loop& loop;
  store::LiveStore& store;
  async::BlockingPool& pool;
  engine::Engine& engine;
  image::BlobStore& blobs;
  telemetry::LogStore& logs;
  std::vector<Digest> base_images;  // kept whatever the rows say
  Duration every = std::chrono::minutes(10);
};

class Collector {
 public:
  explicit Collector(CollectorParts parts) : parts_(std::move(parts)) {}
  // Until cancelled.
  Task<void> run();
  // Once, now.
  Task<void> collect();

 private:
  CollectorParts parts_;
};

}  // namespace nuri::control

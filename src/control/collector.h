#pragma once

// Collector: takes away what nothing needs any more: old droplets, packages, builds, revisions,
// jobs, audit events and logins, unreferenced blobs and layers, old log segments. Only what Nuri
// made and no row points to.

#include <vector>

#include "async/blocking_pool.h"
#include "engine/engine.h"
#include "identity/logins.h"
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
  std::vector<Digest> base_images;     // kept whatever the rows say
  identity::Logins* logins = nullptr;  // null: nobody logs in
  Duration every = std::chrono::minutes(10);
  std::int64_t events = 200'000;  // audit events at most, besides their age
};

class Collector {
 public:
  explicit Collector(CollectorParts parts) : parts_(std::move(parts)) {}
  // Until cancelled.
  Task<void> run();
  // Once, now. What fails is logged and left for the next time; the rest is done all the same: on a
  // full disk no row can be written, and blobs are what fills it. Throws if the rows cannot be
  // read.
  Task<void> collect();

 private:
  CollectorParts parts_;
};

}  // namespace nuri::control

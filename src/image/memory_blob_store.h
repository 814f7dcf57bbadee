#pragma once

// The BlobStore of simulations and tests: same contract, in memory. What was committed outlives a
// simulated crash; open writers and batches do not. Thread-safe. open() hands out a memfd.

#include <map>
#include <mutex>

#include "image/blob_store.h"

namespace nuri::image {

class MemoryBlobStore final : public BlobStore {
 public:
  explicit MemoryBlobStore(const Clock& clock, Duration grace = std::chrono::hours(24))
      : clock_(clock), grace_(grace) {}

  // A full disk: free space that writes use up. Unlimited until set.
  void set_free_bytes(std::uint64_t bytes);

  std::unique_ptr<BlobWriter> writer(Expected expected = {}) override;
  std::unique_ptr<BlobBatch> batch() override;
  OpenBlob open(const Digest& digest) const override;
  std::optional<std::uint64_t> size(const Digest& digest) const override;
  bool touch(const Digest& digest) override;
  bool erase(const Digest& digest) override;
  GcResult gc(const std::set<Digest>& marked, WallTime now) override;
  BlobUsage usage() const override;
  void require_space(std::uint64_t bytes, std::string_view what) const override;

 private:
  friend class MemoryWriter;
  friend class MemoryBatch;
  struct Blob {
    std::string bytes;
    WallTime touched;
  };
  void publish(const Digest& digest, std::string bytes);

  const Clock& clock_;
  const Duration grace_;
  mutable std::mutex mutex_;
  std::map<Digest, Blob> blobs_;
  std::uint64_t free_bytes_ = UINT64_MAX;
};

}  // namespace nuri::image

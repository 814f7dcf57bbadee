#pragma once

// Blobs in a folder that is an OCI image layout (image-spec, image-layout.md): oci-layout,
// index.json, blobs/sha256/HEX; Nuri's own things are under .nuri/. Several processes may use one
// folder.

#include <filesystem>

#include "image/blob_store.h"

namespace nuri::image {

struct DirectoryBlobOptions {
  std::filesystem::path root;       // made if missing; its parent must exist
  std::uint64_t reserve_bytes = 0;  // that a write must leave free on the disk
  Duration grace = std::chrono::hours(24);
};

class DirectoryBlobStore final : public BlobStore {
 public:
  // Makes the layout if it is not there. `clock` dates blobs and must outlive the store. Throws
  // data_loss if the folder holds a layout of another version.
  DirectoryBlobStore(DirectoryBlobOptions options, const Clock& clock);
  ~DirectoryBlobStore() override;

  std::unique_ptr<BlobWriter> writer(Expected expected = {}) override;
  std::unique_ptr<BlobBatch> batch() override;
  OpenBlob open(const Digest& digest) const override;
  std::optional<std::uint64_t> size(const Digest& digest) const override;
  bool touch(const Digest& digest) override;
  bool erase(const Digest& digest) override;
  GcResult gc(const std::set<Digest>& marked, WallTime now) override;
  BlobUsage usage() const override;
  void require_space(std::uint64_t bytes, std::string_view what) const override;

  const std::filesystem::path& root() const { return options_.root; }
  // Where the blob is or would be, for programs that want a path.
  std::filesystem::path path_of(const Digest& digest) const;

 private:
  friend class FileWriter;
  friend class FileBatch;
  enum class Lock { shared, exclusive };
  // Held: no one else changes which blobs are there (shared: adds and touches; exclusive: erases).
  Fd lock(Lock kind) const;
  // Dates the finished, flushed file NAME of `folder` and moves it to its place; the caller holds
  // the lock.
  void publish(const char* name, int folder, const BlobInfo& info) const;
  void sync_blob_dir() const;
  std::uint64_t sweep_leftovers() const;
  void make_layout();

  DirectoryBlobOptions options_;
  const Clock& clock_;
  Fd blobs_;  // blobs/sha256
  Fd temp_;   // .nuri/tmp
};

}  // namespace nuri::image

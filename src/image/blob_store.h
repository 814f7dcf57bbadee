#pragma once

// Blobs: immutable bytes named by their SHA-256. Packages, layers, image configurations and
// manifests are blobs. docs/formats/blobs.md says how they lie on disk and why each rule is safe in
// a crash.
//
// How a blob stays alive. Garbage collection removes what is neither marked (reachable from the
// database) nor young (committed or touched within the grace period). So: commit or touch a blob
// *first*, write the row that points to it *after*, within the grace period.
//
// All methods block (run them on a BlockingPool), may be called from any thread, and throw
// nuri::Error: not_found (no such blob), no_space (disk reserve reached or disk full), data_loss
// (bytes on disk that do not match their name), unprocessable (bytes handed in that do not match),
// internal (I/O).

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/digest.h"
#include "base/fd.h"

namespace nuri::image {

struct BlobInfo {
  Digest digest;
  std::uint64_t size = 0;
  friend bool operator==(const BlobInfo&, const BlobInfo&) = default;
};

// What a blob must turn out to be; empty members are not checked.
struct Expected {
  Digest digest;
  std::optional<std::uint64_t> size;
};

// One blob on its way in. Nothing is visible before commit(); destroyed without it, nothing stays.
// Not thread-safe. Must not outlive its store or batch.
class BlobWriter {
 public:
  virtual ~BlobWriter() = default;
  // no_space as soon as the reserve is reached; too_large past Expected::size.
  virtual void write(std::string_view bytes) = 0;
  // Durable and visible when it returns (in a batch: when the batch is committed). Storing a blob
  // that is already there succeeds and makes it young. unprocessable if the bytes are not what was
  // expected. Call once.
  virtual BlobInfo commit() = 0;
};

// Many blobs that become durable together with few disk flushes: files of a package, parts of an
// image. Destroyed without commit(), nothing stays.
class BlobBatch {
 public:
  virtual ~BlobBatch() = default;
  virtual std::unique_ptr<BlobWriter> writer(Expected expected = {}) = 0;
  // Of a blob that a writer of this batch has committed.
  virtual std::optional<std::uint64_t> size(const Digest& digest) const = 0;
  // Reads back a blob of this batch. too_large over `limit_bytes`.
  virtual std::string read(const Digest& digest, std::size_t limit_bytes) const = 0;
  virtual void commit() = 0;

  bool contains(const Digest& digest) const { return size(digest).has_value(); }
  BlobInfo put(std::string_view bytes, Expected expected = {});
};

struct OpenBlob {
  Fd fd;  // read-only, at offset 0; stays readable after the blob was erased
  std::uint64_t size = 0;
};

struct GcResult {
  std::uint64_t erased = 0;
  std::uint64_t erased_bytes = 0;
  std::uint64_t kept = 0;
  std::uint64_t leftovers = 0;  // half-written files of writers that are dead
};

struct BlobUsage {
  std::uint64_t blobs = 0;
  std::uint64_t bytes = 0;       // sum of sizes
  std::uint64_t free_bytes = 0;  // of the disk, for this user
  std::uint64_t reserve_bytes = 0;
};

class BlobStore {
 public:
  virtual ~BlobStore() = default;

  // `expected.size`, when known, is checked against the disk reserve before the first byte.
  virtual std::unique_ptr<BlobWriter> writer(Expected expected = {}) = 0;
  virtual std::unique_ptr<BlobBatch> batch() = 0;

  virtual OpenBlob open(const Digest& digest) const = 0;
  virtual std::optional<std::uint64_t> size(const Digest& digest) const = 0;
  // Makes it young again; false if there is no such blob. After true it stays for the grace period,
  // also while garbage is being collected.
  virtual bool touch(const Digest& digest) = 0;
  // False if there was none. For blobs that are known to be bad; all else is left to gc().
  virtual bool erase(const Digest& digest) = 0;

  // Erases every blob that is not in `marked` and older than the grace period, and what dead
  // writers left. Safe together with any other call, also in other processes. `now`: the clock that
  // dates blobs.
  virtual GcResult gc(const std::set<Digest>& marked, WallTime now) = 0;
  virtual BlobUsage usage() const = 0;
  // Throws no_space, saying what is free, what must stay free and what to do, if `bytes` more would
  // not leave the reserve. `what` names the thing being done: "uploading a package".
  virtual void require_space(std::uint64_t bytes, std::string_view what) const = 0;

  bool exists(const Digest& digest) const { return size(digest).has_value(); }
  BlobInfo put(std::string_view bytes, Expected expected = {});
  // The whole blob, its digest checked (data_loss). too_large over `limit_bytes`.
  std::string read(const Digest& digest, std::size_t limit_bytes) const;
};

}  // namespace nuri::image

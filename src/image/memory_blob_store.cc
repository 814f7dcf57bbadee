#include "image/memory_blob_store.h"

#include <sys/mman.h>

#include <cerrno>

#include "image/checked_bytes.h"
#include "image/durable_file.h"

namespace nuri::image {

class MemoryBatch final : public BlobBatch {
 public:
  explicit MemoryBatch(MemoryBlobStore& store) : store_(store) {}
  std::unique_ptr<BlobWriter> writer(Expected expected) override;
  std::optional<std::uint64_t> size(const Digest& digest) const override {
    const auto it = blobs_.find(digest);
    if (it == blobs_.end()) return std::nullopt;
    return it->second.size();
  }
  std::string read(const Digest& digest, std::size_t limit_bytes) const override {
    const auto it = blobs_.find(digest);
    if (it == blobs_.end()) throw Error(Code::not_found, fmt::format("no blob {}", digest.str()));
    if (it->second.size() > limit_bytes)
      throw Error(Code::too_large,
                  fmt::format("blob {} is over {} bytes", digest.str(), limit_bytes));
    return it->second;
  }
  void commit() override {
    for (auto& [digest, bytes] : blobs_) store_.publish(digest, std::move(bytes));
    blobs_.clear();
  }

 private:
  friend class MemoryWriter;
  MemoryBlobStore& store_;
  std::map<Digest, std::string> blobs_;
};

class MemoryWriter final : public BlobWriter {
 public:
  MemoryWriter(MemoryBlobStore& store, MemoryBatch* batch, Expected expected)
      : store_(store), batch_(batch), checked_(expected) {
    store_.require_space(expected.size.value_or(0), "storing a blob");
  }
  void write(std::string_view bytes) override {
    checked_.add(bytes);
    store_.require_space(checked_.size(), "storing a blob");
    bytes_.append(bytes);
  }
  BlobInfo commit() override {
    const BlobInfo info = checked_.finish();
    if (batch_)
      batch_->blobs_.emplace(info.digest, std::move(bytes_));
    else
      store_.publish(info.digest, std::move(bytes_));
    return info;
  }

 private:
  MemoryBlobStore& store_;
  MemoryBatch* const batch_;
  CheckedBytes checked_;
  std::string bytes_;
};

std::unique_ptr<BlobWriter> MemoryBatch::writer(Expected expected) {
  return std::make_unique<MemoryWriter>(store_, this, std::move(expected));
}

void MemoryBlobStore::set_free_bytes(std::uint64_t bytes) {
  const std::lock_guard held(mutex_);
  free_bytes_ = bytes;
}

void MemoryBlobStore::publish(const Digest& digest, std::string bytes) {
  const std::lock_guard held(mutex_);
  const auto [it, fresh] = blobs_.try_emplace(digest);
  if (fresh) {
    if (free_bytes_ != UINT64_MAX)
      free_bytes_ -= std::min<std::uint64_t>(free_bytes_, bytes.size());
    it->second.bytes = std::move(bytes);
  }
  it->second.touched = clock_.wall();
}

std::unique_ptr<BlobWriter> MemoryBlobStore::writer(Expected expected) {
  return std::make_unique<MemoryWriter>(*this, nullptr, std::move(expected));
}

std::unique_ptr<BlobBatch> MemoryBlobStore::batch() { return std::make_unique<MemoryBatch>(*this); }

OpenBlob MemoryBlobStore::open(const Digest& digest) const {
  const std::lock_guard held(mutex_);
  const auto it = blobs_.find(digest);
  if (it == blobs_.end())
    throw Error(Code::not_found, fmt::format("opening blob {}: there is none", digest.str()));
  OpenBlob blob{Fd(::memfd_create("nuri-blob", MFD_CLOEXEC)), it->second.bytes.size()};
  if (!blob.fd) throw system_error("opening a blob in memory", errno);
  write_all(blob.fd.get(), it->second.bytes, "a blob in memory");
  ::lseek(blob.fd.get(), 0, SEEK_SET);
  return blob;
}

std::optional<std::uint64_t> MemoryBlobStore::size(const Digest& digest) const {
  const std::lock_guard held(mutex_);
  const auto it = blobs_.find(digest);
  if (it == blobs_.end()) return std::nullopt;
  return it->second.bytes.size();
}

bool MemoryBlobStore::touch(const Digest& digest) {
  const std::lock_guard held(mutex_);
  const auto it = blobs_.find(digest);
  if (it == blobs_.end()) return false;
  it->second.touched = clock_.wall();
  return true;
}

bool MemoryBlobStore::erase(const Digest& digest) {
  const std::lock_guard held(mutex_);
  return blobs_.erase(digest) > 0;
}

GcResult MemoryBlobStore::gc(const std::set<Digest>& marked, WallTime now) {
  const std::lock_guard held(mutex_);
  GcResult result;
  std::erase_if(blobs_, [&](const auto& entry) {
    if (marked.contains(entry.first) || entry.second.touched >= now + -grace_) {
      ++result.kept;
      return false;
    }
    ++result.erased;
    result.erased_bytes += entry.second.bytes.size();
    if (free_bytes_ != UINT64_MAX) free_bytes_ += entry.second.bytes.size();
    return true;
  });
  return result;
}

BlobUsage MemoryBlobStore::usage() const {
  const std::lock_guard held(mutex_);
  BlobUsage usage;
  usage.free_bytes = free_bytes_;
  for (const auto& [digest, blob] : blobs_) {
    ++usage.blobs;
    usage.bytes += blob.bytes.size();
  }
  return usage;
}

void MemoryBlobStore::require_space(std::uint64_t bytes, std::string_view what) const {
  const std::lock_guard held(mutex_);
  if (bytes <= free_bytes_) return;
  throw Error(Code::no_space,
              fmt::format("{} needs {} bytes where {} are free; delete apps or enlarge the disk",
                          what, bytes, free_bytes_));
}

}  // namespace nuri::image

#pragma once

// The writers of DirectoryBlobStore. A file or folder under .nuri/tmp is somebody's work as long as
// its flock is held; the kernel drops the lock with its owner, so what nobody holds is a leftover.

#include <map>

#include "image/checked_bytes.h"
#include "image/directory_blob_store.h"

namespace nuri::image {

class FileBatch;

class FileWriter final : public BlobWriter {
 public:
  // batch null: a file of its own under .nuri/tmp.
  FileWriter(const DirectoryBlobStore& store, FileBatch* batch, Expected expected);
  ~FileWriter() override;
  void write(std::string_view bytes) override;
  BlobInfo commit() override;

 private:
  int folder() const;
  BlobInfo commit_alone();
  BlobInfo commit_to_batch();

  const DirectoryBlobStore& store_;
  FileBatch* const batch_;
  CheckedBytes checked_;
  std::string name_;  // of the temporary file; empty once it is somewhere else
  Fd file_;
  std::uint64_t next_space_check_ = 0;
};

class FileBatch final : public BlobBatch {
 public:
  explicit FileBatch(const DirectoryBlobStore& store);
  ~FileBatch() override;
  std::unique_ptr<BlobWriter> writer(Expected expected) override;
  std::optional<std::uint64_t> size(const Digest& digest) const override;
  std::string read(const Digest& digest, std::size_t limit_bytes) const override;
  void commit() override;

 private:
  friend class FileWriter;
  void flush() const;

  const DirectoryBlobStore& store_;
  std::string name_;
  Fd folder_;  // holds the lock
  std::map<Digest, std::uint64_t> blobs_;
  std::uint64_t next_writer_ = 0;
};

// Makes a file (or folder) of a fresh name in `folder`, locked, and returns its name and
// descriptor.
enum class TempKind { file, folder };
std::pair<std::string, Fd> make_temp(int folder, TempKind kind);
// Removes NAME in `folder`, a file or a folder of files; failures are ignored (the next sweep finds
// it).
void remove_temp(int folder, const std::string& name);

}  // namespace nuri::image

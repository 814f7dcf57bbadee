#pragma once

// The store on SQLite: write-ahead log, one process. One connection writes and does every
// checkpoint (SQLite 3.40 can corrupt a file when two do); the others only read. No mmap. What
// write() returned from survives kill -9; if synced (synchronous=FULL; else NORMAL), a power cut
// too.

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/fd.h"
#include "store/sqlite/connection.h"
#include "store/store.h"

namespace nuri::store {

class SqliteStore final : public Store {
 public:
  // Opens or makes the database at `path` (mode 0600; PATH-wal, PATH-shm and PATH.lock beside it)
  // and migrates it (migrations.h). Throws Error; conflict when another process has it open.
  explicit SqliteStore(const std::string& path);
  ~SqliteStore() override;

  // A verified copy, while the store goes on. Throws Error.
  void back_up_to(const std::string& path);

 protected:
  void run_read(const std::function<void(Reader&)>& body) override;
  Changes run_write(const std::function<void(Writer&)>& body, Durability durability) override;

 private:
  static constexpr std::size_t kReaders = 4;
  class ReaderLease;
  void sync_as(Durability durability);

  std::string path_;
  Fd lock_;
  std::mutex write_mutex_;
  std::unique_ptr<Connection> writer_;
  std::optional<Durability> syncs_as_;
  std::mutex readers_mutex_;
  std::condition_variable reader_free_;
  std::vector<std::unique_ptr<Connection>> idle_readers_;
  std::size_t readers_ = 0;  // idle and lent
};

}  // namespace nuri::store

#pragma once

// The store in memory: what tests and simulations run on. It behaves as the real one does
// (store/conformance.h runs on both), and can fail in the ways that a disk can.

#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "store/store.h"

namespace nuri::store {

// What is durable: what a new MemoryStore after a crash starts from. Cheap to copy.
class MemoryDisk {
 public:
  MemoryDisk();
  ~MemoryDisk();
  MemoryDisk(const MemoryDisk& other);
  MemoryDisk& operator=(const MemoryDisk& other);

 private:
  friend class MemoryStore;
  friend class MemoryWriter;
  struct Data;
  std::shared_ptr<Data> data_;
};

class MemoryStore final : public Store {
 public:
  MemoryStore() = default;
  // Goes on with what `disk` holds, as after a restart.
  explicit MemoryStore(const MemoryDisk& disk) : disk_(disk) {}

  enum class Fault {
    none,
    before_commit,  // nothing is written: Error{no_space}
    after_commit,   // it is written, yet the caller gets Error{unavailable}: an unknown outcome
    read,           // the next read throws Error{unavailable}
  };
  // The next transaction that the fault can hit fails so, once.
  void fail_next(Fault fault);

  // Exactly what is committed; later writes do not change it.
  MemoryDisk snapshot() const;

 protected:
  void run_read(const std::function<void(Reader&)>& body) override;
  Changes run_write(const std::function<void(Writer&)>& body, Durability) override;

 private:
  mutable std::mutex mutex_;
  MemoryDisk disk_;
  Fault fault_ = Fault::none;
};

}  // namespace nuri::store

#pragma once

// A store whose disk fails at times, and that tells of every commit, also of those that its caller
// does not know of.

#include <functional>

#include "store/memory/memory_store.h"

namespace nuri::sim {

struct StoreFaults {  // per cent of transactions
  unsigned read = 0;
  unsigned before_commit = 0;
  unsigned after_commit = 0;
};

class FaultyStore final : public store::Store {
 public:
  using Committed = std::function<void(store::Store&, const store::Changes&)>;
  FaultyStore(const store::MemoryDisk& disk, Random& random, const StoreFaults& faults,
              Committed committed)
      : disk_(disk), random_(random), faults_(faults), committed_(std::move(committed)) {}

  store::MemoryDisk snapshot() const { return disk_.snapshot(); }
  // Without faults: for who judges.
  store::Store& truth() { return disk_; }

 protected:
  void run_read(const std::function<void(store::Reader&)>& body) override;
  store::Changes run_write(const std::function<void(store::Writer&)>& body,
                           store::Durability durability) override;

 private:
  store::MemoryStore disk_;
  Random& random_;
  const StoreFaults& faults_;
  Committed committed_;
};

}  // namespace nuri::sim

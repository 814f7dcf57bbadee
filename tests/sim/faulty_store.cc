#include "faulty_store.h"

namespace nuri::sim {

void FaultyStore::run_read(const std::function<void(store::Reader&)>& body) {
  if (random_.chance(faults_.read)) disk_.fail_next(store::MemoryStore::Fault::read);
  disk_.read([&](store::Reader& reader) { body(reader); });
}

store::Changes FaultyStore::run_write(const std::function<void(store::Writer&)>& body,
                                      store::Durability durability) {
  if (random_.chance(faults_.before_commit))
    disk_.fail_next(store::MemoryStore::Fault::before_commit);
  store::Changes changes;
  try {
    changes = disk_.write(body, durability);
  } catch (...) {
    disk_.fail_next(store::MemoryStore::Fault::none);
    throw;
  }
  committed_(disk_, changes);
  if (random_.chance(faults_.after_commit))
    throw Error(Code::unavailable, "it is not known whether the store was written (injected)");
  return changes;
}

}  // namespace nuri::sim

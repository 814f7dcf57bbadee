#include "store/memory/memory_store.h"

#include <gtest/gtest.h>

#include "store/conformance_rows.h"
#include "store/conformance_rules.h"

namespace nuri::store {
namespace {

class MemoryUnderTest final : public StoreUnderTest {
 public:
  MemoryUnderTest() : store_(std::make_unique<MemoryStore>()) {}
  Store& store() override { return *store_; }
  void restart() override { store_ = std::make_unique<MemoryStore>(store_->snapshot()); }

 private:
  std::unique_ptr<MemoryStore> store_;
};

INSTANTIATE_TEST_SUITE_P(Memory, StoreConformance,
                         testing::Values([] { return std::make_unique<MemoryUnderTest>(); }));

model::Org named(Random& random, const std::string& name) {
  model::Org made;
  made.guid = OrgGuid::make(random);
  made.name = name;
  return made;
}

std::int64_t count(Store& store) {
  return store.read([](Reader& reader) { return reader.count(Query<model::Org>()); });
}

TEST(MemoryStore, AFaultBeforeTheCommitWritesNothingOnce) {
  SeededRandom random(1);
  MemoryStore store;
  const auto org = named(random, "a");
  store.fail_next(MemoryStore::Fault::before_commit);
  EXPECT_THROW(store.write([&](Writer& tx) { tx.insert(org); }), Error);
  EXPECT_EQ(count(store), 0);
  store.write([&](Writer& tx) { tx.insert(org); });
  EXPECT_EQ(count(store), 1);
}

TEST(MemoryStore, AFaultAfterTheCommitHasWrittenAllTheSame) {
  SeededRandom random(1);
  MemoryStore store;
  store.fail_next(MemoryStore::Fault::after_commit);
  try {
    store.write([&](Writer& tx) { tx.insert(named(random, "a")); });
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::unavailable);
  }
  EXPECT_EQ(count(store), 1);
}

TEST(MemoryStore, AReadFaultLeavesWritesAlone) {
  SeededRandom random(1);
  MemoryStore store;
  store.fail_next(MemoryStore::Fault::read);
  store.write([&](Writer& tx) { tx.insert(named(random, "a")); });
  EXPECT_THROW(count(store), Error);
  EXPECT_EQ(count(store), 1);
}

TEST(MemoryStore, ASnapshotDoesNotSeeLaterWrites) {
  SeededRandom random(1);
  MemoryStore store;
  store.write([&](Writer& tx) { tx.insert(named(random, "a")); });
  const MemoryDisk disk = store.snapshot();
  store.write([&](Writer& tx) { tx.insert(named(random, "b")); });
  MemoryStore restarted(disk);
  EXPECT_EQ(count(restarted), 1);
  EXPECT_EQ(count(store), 2);
}

}  // namespace
}  // namespace nuri::store

#include "image/blob_store.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "image/directory_blob_store.h"
#include "image/durable_file.h"
#include "image/memory_blob_store.h"
#include "image/scratch_folder.h"

namespace nuri::image {
namespace {

class HandClock final : public Clock {
 public:
  Time now() const override { return {wall_.ns}; }
  WallTime wall() const override { return wall_; }
  void advance(Duration d) { wall_ = wall_ + d; }

 private:
  WallTime wall_{1'800'000'000'000'000'000};
};

// The contract, against both implementations.
class BlobStoreTest : public testing::TestWithParam<bool> {
 protected:
  BlobStoreTest() {
    if (GetParam())
      store_ = std::make_unique<DirectoryBlobStore>(DirectoryBlobOptions{.root = folder_ / "blobs"},
                                                    clock_);
    else
      store_ = std::make_unique<MemoryBlobStore>(clock_);
  }
  template <class F>
  static Code code_of(F&& f) {
    try {
      f();
    } catch (const Error& e) {
      return e.code();
    }
    ADD_FAILURE() << "nothing was thrown";
    return Code::internal;
  }

  ScratchFolder folder_;
  HandClock clock_;
  std::unique_ptr<BlobStore> store_;
};

TEST_P(BlobStoreTest, ReadsBackWhatWasWritten) {
  const BlobInfo info = store_->put("hello");
  EXPECT_EQ(info, (BlobInfo{Digest::of("hello"), 5}));
  EXPECT_EQ(store_->read(info.digest, 100), "hello");
  const OpenBlob open = store_->open(info.digest);
  EXPECT_EQ(open.size, 5u);
  EXPECT_EQ(read_all(open.fd.get(), 100, "it"), "hello");
  EXPECT_EQ(store_->usage().blobs, 1u);
  EXPECT_EQ(store_->usage().bytes, 5u);
}

TEST_P(BlobStoreTest, ShowsNothingBeforeCommitAndKeepsNothingWithout) {
  auto writer = store_->writer();
  writer->write("half");
  EXPECT_FALSE(store_->exists(Digest::of("half")));
  writer.reset();
  EXPECT_EQ(store_->usage().blobs, 0u);
  EXPECT_EQ(store_->gc({}, clock_.wall()).leftovers, 0u);
}

TEST_P(BlobStoreTest, RefusesBytesThatAreNotWhatWasAnnounced) {
  EXPECT_EQ(code_of([&] { store_->put("evil", {.digest = Digest::of("good"), .size = {}}); }),
            Code::unprocessable);
  EXPECT_EQ(code_of([&] {
              auto writer = store_->writer({.digest = {}, .size = 3});
              writer->write("four");
            }),
            Code::too_large);
  EXPECT_EQ(code_of([&] {
              auto writer = store_->writer({.digest = {}, .size = 9});
              writer->write("four");
              writer->commit();
            }),
            Code::unprocessable);
  EXPECT_EQ(store_->usage().blobs, 0u);
}

TEST_P(BlobStoreTest, MissingBlobsAreSaidToBeMissing) {
  const Digest none = Digest::of("none");
  EXPECT_EQ(code_of([&] { store_->open(none); }), Code::not_found);
  EXPECT_EQ(store_->size(none), std::nullopt);
  EXPECT_FALSE(store_->touch(none));
  EXPECT_FALSE(store_->erase(none));
  EXPECT_FALSE(store_->exists(Digest()));
}

TEST_P(BlobStoreTest, StoringTheSameBlobTwiceIsFine) {
  store_->put("same");
  auto first = store_->writer();
  first->write("same");
  store_->put("same");
  first->commit();
  EXPECT_EQ(store_->usage().blobs, 1u);
}

TEST_P(BlobStoreTest, ABatchAppearsAsAWholeOrNotAtAll) {
  {
    auto batch = store_->batch();
    batch->put("one");
    EXPECT_TRUE(batch->contains(Digest::of("one")));
    EXPECT_EQ(batch->read(Digest::of("one"), 10), "one");
    EXPECT_FALSE(store_->exists(Digest::of("one")));
  }
  EXPECT_EQ(store_->usage().blobs, 0u);
  auto batch = store_->batch();
  batch->put("one");
  batch->put("two");
  batch->put("one");
  batch->commit();
  batch.reset();
  EXPECT_EQ(store_->read(Digest::of("one"), 10), "one");
  EXPECT_EQ(store_->usage().blobs, 2u);
  EXPECT_EQ(store_->gc({}, clock_.wall()).leftovers, 0u);
}

TEST_P(BlobStoreTest, GcKeepsMarkedAndYoungBlobs) {
  const Digest marked = store_->put("marked").digest, old = store_->put("old").digest;
  const Digest matched = store_->put("matched").digest;
  clock_.advance(25h);
  const Digest young = store_->put("young").digest;
  EXPECT_TRUE(store_->touch(matched));
  const OpenBlob being_read = store_->open(old);

  const GcResult result = store_->gc({marked}, clock_.wall());
  EXPECT_EQ(result.erased, 1u);
  EXPECT_EQ(result.erased_bytes, 3u);
  EXPECT_EQ(result.kept, 3u);
  EXPECT_FALSE(store_->exists(old));
  EXPECT_TRUE(store_->exists(marked) && store_->exists(young) && store_->exists(matched));
  EXPECT_EQ(read_all(being_read.fd.get(), 10, "old"), "old");
}

TEST_P(BlobStoreTest, StoringAnOldBlobAgainMakesItYoung) {
  const Digest digest = store_->put("again").digest;
  clock_.advance(48h);
  store_->put("again");
  store_->gc({}, clock_.wall());
  EXPECT_TRUE(store_->exists(digest));
  clock_.advance(25h);
  store_->gc({}, clock_.wall());
  EXPECT_FALSE(store_->exists(digest));
}

TEST_P(BlobStoreTest, ReadingHasALimit) {
  const Digest digest = store_->put("0123456789").digest;
  EXPECT_EQ(code_of([&] { (void)store_->read(digest, 9); }), Code::too_large);
  EXPECT_EQ(store_->read(digest, 10).size(), 10u);
}

TEST_P(BlobStoreTest, TheEmptyBlobIsABlob) {
  EXPECT_EQ(store_->put("").digest, Digest::of(""));
  EXPECT_EQ(store_->read(Digest::of(""), 0), "");
}

INSTANTIATE_TEST_SUITE_P(Both, BlobStoreTest, testing::Bool(),
                         [](const auto& p) { return p.param ? "Directory" : "Memory"; });

TEST(MemoryBlobStoreTest, AFullDiskIsRefusedAndLeavesNothing) {
  HandClock clock;
  MemoryBlobStore store(clock);
  store.set_free_bytes(10);
  store.put("12345678");
  EXPECT_THROW(store.put("123"), Error);
  EXPECT_EQ(store.usage().blobs, 1u);
}

}  // namespace
}  // namespace nuri::image

#include "image/directory_blob_store.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <atomic>
#include <thread>

#include "base/error.h"
#include "image/scratch_folder.h"

namespace nuri::image {
namespace {

namespace fs = std::filesystem;

std::size_t entries(const fs::path& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), {}));
}

class DirectoryBlobStoreTest : public testing::Test {
 protected:
  DirectoryBlobStore make(std::uint64_t reserve = 0) {
    return DirectoryBlobStore({.root = folder_ / "store", .reserve_bytes = reserve}, clock_);
  }
  ScratchFolder folder_;
  SystemClock clock_;
};

TEST_F(DirectoryBlobStoreTest, BlobsSurviveReopening) {
  make().put("kept");
  EXPECT_EQ(make().read(Digest::of("kept"), 10), "kept");
  EXPECT_TRUE(fs::exists(folder_ / "store/oci-layout"));
  EXPECT_TRUE(fs::exists(folder_ / "store/index.json"));
}

TEST_F(DirectoryBlobStoreTest, RefusesALayoutOfAnotherVersion) {
  folder_.write("store/oci-layout", R"({"imageLayoutVersion":"9.0.0"})");
  try {
    make();
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), Code::data_loss);
    EXPECT_NE(e.message().find("9.0.0"), std::string::npos);
  }
}

TEST_F(DirectoryBlobStoreTest, DamageOnDiskIsNoticedAndHealedByStoringAgain) {
  DirectoryBlobStore store = make();
  const Digest digest = store.put("intact").digest;
  std::ofstream(store.path_of(digest)) << "broken";
  EXPECT_THROW((void)store.read(digest, 100), Error);
  store.put("intact");
  EXPECT_EQ(store.read(digest, 100), "intact");
}

TEST_F(DirectoryBlobStoreTest, AWriteIntoTheReserveIsRefusedWithWhatToDo) {
  DirectoryBlobStore store = make(std::uint64_t{1} << 60);
  try {
    store.put("x");
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), Code::no_space);
    EXPECT_NE(e.message().find("must stay free"), std::string::npos) << e.message();
    EXPECT_NE(e.message().find("enlarge the disk"), std::string::npos);
  }
  EXPECT_EQ(entries(folder_ / "store/.nuri/tmp"), 0u);
}

// Starts a child that writes with what `open` returned, waits until it says so, kills it -9.
template <class Work>
void kill_while(Work work) {
  int pipe_fds[2];
  ASSERT_EQ(::pipe2(pipe_fds, O_CLOEXEC), 0);
  const Fd read_end(pipe_fds[0]), write_end(pipe_fds[1]);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    work([&] {
      (void)!::write(write_end.get(), "x", 1);
      for (;;) ::pause();
    });
    ::_exit(1);
  }
  char byte;
  ASSERT_EQ(::read(read_end.get(), &byte, 1), 1);
  ::kill(child, SIGKILL);
  int status;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
}

TEST_F(DirectoryBlobStoreTest, WhatKilledWritersLeftIsSweptAndLivingOnesAreNot) {
  DirectoryBlobStore store = make();
  kill_while([&](auto&& wait_for_death) {
    auto writer = store.writer();
    writer->write("half of a blob");
    auto batch = store.batch();
    batch->put("one of a batch");
    auto unfinished = batch->writer();
    unfinished->write("half of another");
    wait_for_death();
  });
  auto living = store.writer();
  living->write("alive");
  auto living_batch = store.batch();
  living_batch->put("also alive");
  EXPECT_EQ(entries(folder_ / "store/.nuri/tmp"), 4u);

  EXPECT_EQ(store.gc({}, clock_.wall()).leftovers, 2u);
  EXPECT_EQ(entries(folder_ / "store/.nuri/tmp"), 2u);
  living->commit();
  living_batch->commit();
  EXPECT_EQ(store.read(Digest::of("alive"), 10), "alive");
  EXPECT_EQ(store.read(Digest::of("also alive"), 10), "also alive");
  EXPECT_EQ(store.usage().blobs, 2u);
}

TEST_F(DirectoryBlobStoreTest, ABatchOfManyIsWhole) {
  DirectoryBlobStore store = make();
  auto batch = store.batch();
  for (int i = 0; i < 100; ++i) batch->put("blob " + std::to_string(i));
  EXPECT_EQ(store.usage().blobs, 0u);
  batch->commit();
  for (int i = 0; i < 100; ++i) {
    const std::string text = "blob " + std::to_string(i);
    EXPECT_EQ(store.read(Digest::of(text), 100), text);
  }
}

// Killed at any moment: what is visible is whole, what is not visible is swept.
TEST_F(DirectoryBlobStoreTest, AWriterKilledAnywhereLeavesOnlyWholeBlobs) {
  DirectoryBlobStore store = make();
  for (int round = 0; round < 10; ++round) {
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const Fd read_end(ends[0]), write_end(ends[1]);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      for (int i = 0;; ++i) {
        const std::string bytes(static_cast<std::size_t>(50'000 + 1'000 * round),
                                static_cast<char>(i));
        if (i % 2 == 0) {
          store.put(bytes + std::to_string(i));
        } else {
          auto batch = store.batch();
          batch->put(bytes + "a" + std::to_string(i));
          batch->put(bytes + "b" + std::to_string(i));
          batch->commit();
        }
        (void)!::write(write_end.get(), "x", 1);
      }
    }
    char byte;
    for (int i = 0; i < 3 + round; ++i) ASSERT_EQ(::read(read_end.get(), &byte, 1), 1);
    ::kill(child, SIGKILL);
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  }
  store.gc({}, clock_.wall());
  EXPECT_EQ(entries(folder_ / "store/.nuri/tmp"), 0u);
  EXPECT_GT(store.usage().blobs, 50u);
  for (const auto& entry : fs::directory_iterator(folder_ / "store/blobs/sha256"))
    EXPECT_NO_THROW((void)store.read(Digest::from_hex(entry.path().filename()), 1 << 20));
}

// Whoever gets true from touch(), or commits, must find the blob afterwards: with everything old
// and nothing marked, while a collector runs all the time.
TEST_F(DirectoryBlobStoreTest, GcNeverTakesWhatWasJustTouchedOrStored) {
  DirectoryBlobStore store = make();
  std::vector<std::string> texts;
  for (int i = 0; i < 40; ++i) texts.push_back("blob " + std::to_string(i));
  const auto make_old = [&](const Digest& digest) {
    const timespec old[2] = {{1, 0}, {1, 0}};
    ::utimensat(AT_FDCWD, store.path_of(digest).c_str(), old, 0);
  };
  std::atomic<bool> done = false;
  std::atomic<int> collected = 0;
  std::thread collector([&] {
    while (!done) collected += static_cast<int>(store.gc({}, clock_.wall()).erased);
  });
  for (int round = 0; round < 8; ++round) {
    for (const std::string& text : texts) {
      const Digest digest = Digest::of(text);
      if (!store.touch(digest)) store.put(text);
      EXPECT_TRUE(store.exists(digest));
      make_old(digest);
    }
  }
  done = true;
  collector.join();
  EXPECT_GT(collected, 0);
}

TEST_F(DirectoryBlobStoreTest, AFullDiskRefusesTheWriteAndLeavesNothing) {
  const SmallDisk disk(16);
  DirectoryBlobStore store({.root = disk.path() / "store"}, clock_);
  const Digest before = store.put("written before").digest;
  const std::string megabyte(1 << 20, 'x');
  const auto fill = [&](auto&& writer) {
    try {
      for (int i = 0; i < 32; ++i) writer->write(megabyte);
      writer->commit();
      ADD_FAILURE() << "32 MiB fitted on 16";
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), Code::no_space) << e.message();
    }
  };
  fill(store.writer());
  {
    auto batch = store.batch();
    fill(batch->writer());
  }
  EXPECT_EQ(entries(disk.path() / "store/.nuri/tmp"), 0u);
  EXPECT_EQ(store.usage().blobs, 1u);
  EXPECT_EQ(store.read(before, 100), "written before");
  store.put(megabyte);
}

TEST_F(DirectoryBlobStoreTest, TheReserveOfASmallDiskStaysFree) {
  const SmallDisk disk(16);
  DirectoryBlobStore store({.root = disk.path() / "store", .reserve_bytes = 8 << 20}, clock_);
  auto writer = store.writer();
  const std::string megabyte(1 << 20, 'x');
  EXPECT_THROW(
      {
        for (int i = 0; i < 16; ++i) writer->write(megabyte);
      },
      Error);
  EXPECT_GE(store.usage().free_bytes, std::uint64_t{7} << 20);
  EXPECT_THROW(store.require_space(8 << 20, "a build"), Error);
}

}  // namespace
}  // namespace nuri::image

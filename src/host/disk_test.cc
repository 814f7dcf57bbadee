#include "host/disk.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "host/kernel_file.h"
#include "host/program.h"
#include "host/test_realm.h"

namespace nuri::host {
namespace {

constexpr std::uint64_t kMiB = 1u << 20;
constexpr const char* kGuid = "0b0b4a3e-33a1-4ccd-8f2d-6a1f0a2b3c4d";
constexpr const char* kOther = "1b0b4a3e-33a1-4ccd-8f2d-6a1f0a2b3c4d";
constexpr const char* kApp = "2b0b4a3e-33a1-4ccd-8f2d-6a1f0a2b3c4d";

TEST(DiskAdmission, CountsPromisesInFull) {
  DiskUse use{1000, 500, 100, 0};
  EXPECT_TRUE(disk_admits(use, 400, 100));
  EXPECT_FALSE(disk_admits(use, 500, 100));
  use.promised_bytes = 300;
  EXPECT_TRUE(disk_admits(use, 100, 100));
  EXPECT_FALSE(disk_admits(use, 200, 100));
  EXPECT_TRUE(disk_admits(use, 400, 50)) << "overcommit, when it is asked for";
  use.free_bytes = 50;
  EXPECT_FALSE(disk_admits(use, 0, 100)) << "into the reserve";
}

class DiskTest : public testing::Test {
 protected:
  DiskTest() : disks_(scratch_.realm(), scratch_.settings().disk) {}
  static std::string fsck(const std::string& image) {
    return require_program({"/usr/sbin/e2fsck", {"e2fsck", "-f", "-n", image}, {}, "", 30s, {}});
  }
  TestRealm scratch_;
  Disks disks_;
};

TEST_F(DiskTest, AnImageIsSparseCountedAndSound) {
  const std::uint64_t before = disks_.use().promised_bytes;
  const std::string image = disks_.create(kGuid, 256 * kMiB);
  struct stat st{};
  ASSERT_EQ(::stat(image.c_str(), &st), 0);
  EXPECT_EQ(st.st_size, static_cast<off_t>(256 * kMiB));
  EXPECT_LT(disks_.allocated(kGuid), 16 * kMiB);
  EXPECT_GT(disks_.use().promised_bytes, before + 200 * kMiB);
  fsck(image);
  disks_.remove(kGuid);
  disks_.remove(kGuid);
  EXPECT_EQ(disks_.use().promised_bytes, before);
}

TEST_F(DiskTest, MoreThanTheMachineHasIsRefusedWithTheNumbers) {
  try {
    disks_.create(kGuid, disks_.use().total_bytes);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), Code::no_space);
    EXPECT_THAT(e.message(), testing::HasSubstr("kept in reserve"));
  }
  EXPECT_TRUE(list_dir(scratch_.realm().private_dir() + "/disks").empty());
}

TEST_F(DiskTest, ACacheIsKeptRepairedOrMadeAnew) {
  const std::string image = disks_.take_cache(kApp, kGuid);
  disks_.release_cache(kApp, kGuid);
  struct stat first{};
  ASSERT_EQ(::stat(image.c_str(), &first), 0);
  EXPECT_EQ(disks_.take_cache(kApp, kGuid), image);
  disks_.release_cache(kApp, kGuid);
  struct stat again{};
  ASSERT_EQ(::stat(image.c_str(), &again), 0);
  EXPECT_EQ(first.st_ino, again.st_ino) << "kept";
  // Nothing of it is readable any more.
  ASSERT_EQ(::truncate(image.c_str(), 0), 0);
  ASSERT_EQ(::truncate(image.c_str(), first.st_size), 0);
  disks_.take_cache(kApp, kGuid);
  fsck(image);
}

TEST_F(DiskTest, ACacheHasOneUserAndTheSecondGetsItsOwn) {
  const std::string first = disks_.take_cache(kApp, kGuid);
  const std::string second = disks_.take_cache(kApp, kOther);
  EXPECT_NE(first, second);
  EXPECT_THROW(disks_.remove_cache(kApp), Error);
  disks_.release_cache(kApp, kOther);
  EXPECT_NE(::access(second.c_str(), F_OK), 0);
  disks_.release_cache(kApp, kGuid);
  disks_.remove_cache(kApp);
  EXPECT_NE(::access(first.c_str(), F_OK), 0);
}

TEST_F(DiskTest, AnUnusedCachePromisesNothingAndGivesWayToWhatIsWanted) {
  const std::uint64_t before = disks_.use().promised_bytes;
  const std::string used = disks_.take_cache(kOther, kOther);
  const std::uint64_t while_used = disks_.use().promised_bytes;
  EXPECT_GT(while_used, before);
  const std::string unused = disks_.take_cache(kApp, kGuid);
  disks_.release_cache(kApp, kGuid);
  EXPECT_EQ(disks_.use().promised_bytes, while_used);
  EXPECT_THROW(disks_.create(kGuid, disks_.use().total_bytes), Error);
  EXPECT_NE(::access(unused.c_str(), F_OK), 0) << "given up before anything is refused";
  EXPECT_EQ(::access(used.c_str(), F_OK), 0) << "a build uses it";
}

TEST_F(DiskTest, DisksOfInstancesThatAreGoneAreSwept) {
  const std::string kept = disks_.create(kGuid, 16 * kMiB);
  const std::string gone = disks_.create(kOther, 16 * kMiB);
  disks_.sweep({{kGuid, true}});
  EXPECT_EQ(::access(kept.c_str(), F_OK), 0);
  EXPECT_NE(::access(gone.c_str(), F_OK), 0);
}

}  // namespace
}  // namespace nuri::host

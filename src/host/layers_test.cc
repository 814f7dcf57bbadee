#include "host/layers.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <thread>

#include "base/error.h"
#include "host/kernel_file.h"
#include "host/test_layer.h"
#include "host/test_realm.h"
#include "host/test_wait.h"

namespace nuri::host {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Fd blob_of(const std::string& bytes) {
  Fd fd(::memfd_create("layer", MFD_CLOEXEC));
  EXPECT_EQ(::write(fd.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  ::lseek(fd.get(), 0, SEEK_SET);
  return fd;
}

class LayersTest : public testing::Test {
 protected:
  LayersTest() : store_(scratch_.realm(), "/proc/self/exe") {}

  std::string add(const std::string& tar) {
    const Digest d = Digest::of(tar);
    store_.add(d, blob_of(tar).get());
    return store_.path(d);
  }
  Code refusal(const std::string& tar) {
    try {
      store_.add(Digest::of(tar), blob_of(tar).get());
    } catch (const Error& e) {
      EXPECT_FALSE(store_.lease(Digest::of(tar)));
      EXPECT_TRUE(list_dir(scratch_.realm().private_dir() + "/layers/tmp").empty());
      return e.code();
    }
    ADD_FAILURE() << "it must be refused";
    return Code::internal;
  }
  struct stat look(const std::string& path) {
    struct stat st{};
    EXPECT_EQ(::lstat(path.c_str(), &st), 0) << path;
    return st;
  }
  std::uint32_t inside(uid_t id) { return id - scratch_.realm().store_ids(); }

  TestRealm scratch_;
  LayerStore store_;
};

TEST_F(LayersTest, ATreeIsUnpackedAsTheStoresOwn) {
  const std::string at = add(TestLayer()
                                 .dir("etc")
                                 .file("etc/name", "hello", 0640, 1000)
                                 .link("bin", "usr/bin")
                                 .dir("usr/bin")
                                 .file("bin/sh", "#!", 0755)
                                 .hard_link("usr/bin/dash", "bin/sh")
                                 .dir("tmp", 01777)
                                 .file("name of ünïcode", "x")
                                 .finish());
  EXPECT_EQ(read_file(at + "/etc/name"), "hello");
  EXPECT_EQ(inside(look(at + "/etc/name").st_uid), 1000u);
  EXPECT_EQ(look(at + "/etc/name").st_mode & 07777, 0640u);
  EXPECT_EQ(look(at + "/etc/name").st_mtime, 315'532'801);
  EXPECT_EQ(look(at + "/etc").st_mtime, 315'532'801) << "though a file was made in it";
  EXPECT_EQ(inside(look(at).st_uid), 0u);
  EXPECT_EQ(look(at + "/usr/bin/sh").st_ino, look(at + "/usr/bin/dash").st_ino);
  EXPECT_EQ(look(at + "/tmp").st_mode & 07777, 01777u);
  EXPECT_EQ(read_file(at + "/name of ünïcode"), "x");
}

TEST_F(LayersTest, WhiteoutsBecomeWhatOverlayfsReads) {
  const std::string at =
      add(TestLayer().dir("a").file("a/.wh.gone", "").dir("b").file("b/.wh..wh..opq", "").finish());
  EXPECT_TRUE(S_ISCHR(look(at + "/a/gone").st_mode));
  EXPECT_EQ(look(at + "/a/gone").st_rdev, makedev(0, 0));
  char value = 0;
  EXPECT_EQ(::lgetxattr((at + "/b").c_str(), "user.overlay.opaque", &value, 1), 1);
  EXPECT_EQ(value, 'y');
}

TEST_F(LayersTest, WhatWouldGivePrivilegeIsLeftOut) {
  const std::string at = add(TestLayer()
                                 .file("su", "x", 04755)
                                 .device("null")
                                 .file("cap", "x", 0755, 0,
                                       {{"security.capability", "abcdefgh"},
                                        {"user.overlay.opaque", "y"},
                                        {"user.mine", "kept"}})
                                 .finish());
  EXPECT_EQ(look(at + "/su").st_mode & 07777, 0755u);
  EXPECT_NE(::access((at + "/null").c_str(), F_OK), 0);
  char value[16];
  EXPECT_LT(::lgetxattr((at + "/cap").c_str(), "security.capability", value, 16), 0);
  EXPECT_LT(::lgetxattr((at + "/cap").c_str(), "user.overlay.opaque", value, 16), 0);
  EXPECT_EQ(::lgetxattr((at + "/cap").c_str(), "user.mine", value, 16), 4);
}

TEST_F(LayersTest, APathThatLeavesTheLayerIsRefused) {
  EXPECT_EQ(refusal(TestLayer().file("../evil", "x").finish()), Code::bad_request);
  EXPECT_EQ(refusal(TestLayer().file("a/../../evil", "x").finish()), Code::bad_request);
  EXPECT_EQ(refusal(TestLayer().hard_link("a", "../../etc/passwd").finish()), Code::bad_request);
  EXPECT_EQ(refusal(TestLayer().file("a/.wh...", "x").finish()), Code::bad_request);
  EXPECT_EQ(refusal(TestLayer().file("a", "x", 0644, 70'000).finish()), Code::bad_request);
}

TEST_F(LayersTest, ALinkOutwardsLeadsBackInside) {
  const std::string at = add(TestLayer()
                                 .dir("tmp")
                                 .link("out", "/tmp")
                                 .file("out/x", "inside")
                                 .link("up", "../../../..")
                                 .file("up/y", "inside")
                                 .finish());
  EXPECT_EQ(read_file(at + "/tmp/x"), "inside");
  EXPECT_EQ(read_file(at + "/y"), "inside");
}

TEST_F(LayersTest, CompressedBlobsAreKnownByTheirPlainDigest) {
  const std::string plain = TestLayer().file("f", std::string(100'000, 'q')).finish();
  const std::string gzip =
      TestLayer(Compression::gzip).file("f", std::string(100'000, 'q')).finish();
  const std::string zstd =
      TestLayer(Compression::zstd).file("f", std::string(100'000, 'q')).finish();
  ASSERT_LT(gzip.size(), plain.size());
  const Digest d = Digest::of(plain);
  store_.add(d, blob_of(zstd).get());
  EXPECT_EQ(read_file(store_.path(d) + "/f").size(), 100'000u);
  TestRealm other;
  LayerStore second(other.realm(), "/proc/self/exe");
  second.add(d, blob_of(gzip).get());
  EXPECT_EQ(second.list({}).layers.at(0).bytes, plain.size());
}

TEST_F(LayersTest, ADamagedOrWronglyNamedBlobIsRefused) {
  const std::string tar = TestLayer().file("f", "content").finish();
  try {
    store_.add(Digest::of("another"), blob_of(tar).get());
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), Code::data_loss);
    EXPECT_THAT(e.message(), HasSubstr(Digest::of(tar).str()));
  }
  EXPECT_EQ(refusal(tar.substr(0, 700)), Code::bad_request);
  EXPECT_EQ(refusal("this is no archive at all, but long enough to look at"), Code::bad_request);
}

TEST_F(LayersTest, SeveralAtOnceUnpackOnce) {
  const std::string tar = TestLayer().file("f", "content").finish();
  const Digest d = Digest::of(tar);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back([&] { store_.add(d, blob_of(tar).get()); });
  for (auto& t : threads) t.join();
  EXPECT_EQ(read_file(store_.path(d) + "/f"), "content");
}

TEST_F(LayersTest, OnlyWhatNobodyUsesOrLeasesIsRemoved) {
  std::vector<Digest> all;
  for (const char* text : {"one", "two", "three"}) {
    const std::string tar = TestLayer().file("f", text).finish();
    add(tar);
    all.push_back(Digest::of(tar));
  }
  const WallTime now = SystemClock().wall();
  EXPECT_TRUE(store_.remove(all, {}, now).empty()) << "just added: leased";
  EXPECT_THAT(store_.remove(all, {all[1], all[2]}, now + 2h), ElementsAre(all[0]));
  EXPECT_FALSE(store_.lease(all[0]));
  EXPECT_TRUE(store_.lease(all[1]));
  std::vector<Digest> left;
  for (const LayerInfo& l : store_.list({}).layers) left.push_back(l.diff_id);
  EXPECT_THAT(left, testing::UnorderedElementsAre(all[1], all[2]));
}

TEST_F(LayersTest, AfterAPowerCutOnlyWhatWasSyncedIsBelieved) {
  const std::string kept = TestLayer().file("f", "kept").finish();
  const std::string synced = TestLayer().file("f", "synced").finish();
  const std::string lost = TestLayer().file("f", "lost").finish();
  for (const std::string& tar : {kept, synced, lost}) add(tar);
  const std::string root = scratch_.realm().private_dir() + "/layers/sha256/";
  const auto unpacked_by_another_kernel = [&](const std::string& tar) {
    write_record(root + Digest::of(tar).hex() + "/info.json",
                 R"({"version":1,"bytes":1,"boot":"another"})", Survives::process);
  };
  unpacked_by_another_kernel(synced);
  write_record(root + Digest::of(synced).hex() + "/synced", "", Survives::process);
  unpacked_by_another_kernel(lost);
  LayerStore again(scratch_.realm(), "/proc/self/exe");
  EXPECT_TRUE(again.lease(Digest::of(kept)));
  EXPECT_TRUE(again.lease(Digest::of(synced)));
  EXPECT_FALSE(again.lease(Digest::of(lost)));
}

TEST_F(LayersTest, ALayerIsSyncedAfterAWhile) {
  const std::string at = add(TestLayer().file("f", "content").finish());
  EXPECT_TRUE(until([&] { return ::access((at + "/../synced").c_str(), F_OK) == 0; }));
}

TEST_F(LayersTest, JunkOfAKilledUnpackIsRemovedAtTheNextStart) {
  const std::string junk = scratch_.realm().private_dir() + "/layers/tmp/7";
  make_dir(junk + "/fs/x", 0755);
  LayerStore again(scratch_.realm(), "/proc/self/exe");
  EXPECT_NE(::access(junk.c_str(), F_OK), 0);
}

}  // namespace
}  // namespace nuri::host

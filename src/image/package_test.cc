#include "image/package.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "base/error.h"
#include "base/random.h"
#include "image/archive.h"
#include "image/durable_file.h"
#include "image/memory_blob_store.h"
#include "image/scratch_folder.h"

namespace nuri::image {
namespace {

PackageFile file(std::string path, std::string_view bytes, unsigned mode = 0644) {
  return {.path = std::move(path),
          .kind = FileKind::file,
          .mode = mode,
          .size = bytes.size(),
          .sha256 = Digest::of(bytes),
          .sha1 = {},
          .target = {}};
}
PackageFile link(std::string path, std::string target) {
  return {.path = std::move(path),
          .kind = FileKind::symlink,
          .mode = 0777,
          .size = 0,
          .sha256 = {},
          .sha1 = {},
          .target = std::move(target)};
}
PackageFile folder(std::string path) {
  return {.path = std::move(path),
          .kind = FileKind::directory,
          .mode = 0755,
          .size = 0,
          .sha256 = {},
          .sha1 = {},
          .target = {}};
}

// The message of the Error that f throws.
template <class F>
std::string failure(F&& f, Code code = Code::unprocessable) {
  try {
    f();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), code) << e.message();
    return e.message();
  }
  ADD_FAILURE() << "nothing was thrown";
  return {};
}

struct ZipEntry {
  std::string path;
  std::string bytes;
  mode_t mode = AE_IFREG | 0644;
};

Fd make_zip(const ScratchFolder& scratch, const std::vector<ZipEntry>& entries) {
  const Utf8Names utf8;
  const std::string path = (scratch / "upload.zip").string();
  const ArchivePtr zip(archive_write_new());
  archive_write_set_format_zip(zip.get());
  EXPECT_EQ(archive_write_open_filename(zip.get(), path.c_str()), ARCHIVE_OK);
  const EntryPtr entry(archive_entry_new());
  for (const ZipEntry& e : entries) {
    archive_entry_clear(entry.get());
    archive_entry_set_pathname(entry.get(), e.path.c_str());
    archive_entry_set_mode(entry.get(), e.mode);
    if ((e.mode & AE_IFMT) == AE_IFLNK)
      archive_entry_set_symlink(entry.get(), e.bytes.c_str());
    else if ((e.mode & AE_IFMT) == AE_IFREG)
      archive_entry_set_size(entry.get(), static_cast<la_int64_t>(e.bytes.size()));
    EXPECT_EQ(archive_write_header(zip.get(), entry.get()), ARCHIVE_OK)
        << archive_error_string(zip.get());
    if ((e.mode & AE_IFMT) == AE_IFREG)
      archive_write_data(zip.get(), e.bytes.data(), e.bytes.size());
  }
  archive_write_close(zip.get());
  return Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
}

TEST(PackagePathTest, SaysWhatIsWrongWithAPath) {
  for (const char* good : {"a", "a/b.c", ".hidden", "..a/b..", "é/ü", "a b/ c", "a/...", "-x"})
    EXPECT_EQ(path_problem(good), "") << good;
  for (std::string_view bad : {"", "/a", "..", "../a", "a/../b", "a/..", "a//b", "a/", "./a", "a/.",
                               ".", "\xff/x", "a\xc0\xaf", "\xed\xa0\x80"})
    EXPECT_NE(path_problem(bad), "") << bad;
  EXPECT_NE(path_problem(std::string_view("a\0b", 3)), "");
  EXPECT_NE(path_problem(std::string(limits::kPathBytes + 1, 'a')), "");
  EXPECT_NE(path_problem(std::string(256, 'a')), "");
}

TEST(PackagePathTest, LinksStayInside) {
  EXPECT_EQ(link_problem("a", "b/c"), "");
  EXPECT_EQ(link_problem("d/a", "../b"), "");
  EXPECT_EQ(link_problem("node_modules/.bin/x", "../x/cli.js"), "");
  EXPECT_EQ(link_problem("a", "./b/../c"), "");
  for (const char* bad : {"/etc/passwd", "..", "../b", "b/../../c", ""})
    EXPECT_NE(link_problem("a", bad), "") << bad;
  EXPECT_NE(link_problem("d/a", "../../b"), "");
}

TEST(PackageTest, NormaliseSortsAndDropsFoldersThatFilesMake) {
  Package package{
      {file("b/x", "1"), folder("b"), file("a", "2", 0664), folder("empty"), folder("empty")}};
  normalise(package);
  ASSERT_EQ(package.files.size(), 3u);
  EXPECT_EQ(package.files[0], file("a", "2", 0644));
  EXPECT_EQ(package.files[1].path, "b/x");
  EXPECT_EQ(package.files[2], folder("empty"));
}

TEST(PackageTest, RefusesPathsThatContradictEachOther) {
  const auto refused = [](std::vector<PackageFile> files) {
    Package package{std::move(files)};
    return failure([&] { normalise(package); });
  };
  EXPECT_NE(refused({file("a", "1"), file("a", "2")}).find("twice"), std::string::npos);
  EXPECT_NE(
      refused({file("a", "1"), file("a-b", "1"), file("a/b", "2")}).find("'a/b' lies below 'a'"),
      std::string::npos);
  EXPECT_NE(refused({link("l", "d"), file("l/deep/er", "2")}).find("below 'l'"), std::string::npos);
  EXPECT_NE(refused({file("a", "1"), folder("a")}).find("twice"), std::string::npos);
  Package both{{file("README", "1"), file("readme", "2")}};
  EXPECT_NO_THROW(normalise(both));
}

TEST(PackageTest, LimitsHoldForFilesAndTheWhole) {
  Package package{{file("a", "12345"), file("b", "12345")}};
  EXPECT_NO_THROW(normalise(package, {.files = 2, .file_bytes = 5, .total_bytes = 10}));
  failure([&] { normalise(package, {.files = 1}); }, Code::too_large);
  EXPECT_NE(failure([&] { normalise(package, {.file_bytes = 4}); }, Code::too_large).find("'a'"),
            std::string::npos);
  failure([&] { normalise(package, {.total_bytes = 9}); }, Code::too_large);
}

TEST(PackageTest, TheStoredFormIsCanonicalAndReadsBack) {
  Package package{
      {file("z \"quoted\"", "1", 0755), link("l", "z"), folder("empty"), file("ü", "")}};
  normalise(package);
  const std::string text = serialise_package(package);
  EXPECT_EQ(parse_package(text).files, package.files);
  EXPECT_EQ(serialise_package(parse_package(text)), text);
  Package other{{package.files[3], package.files[1], package.files[0], package.files[2]}};
  normalise(other);
  EXPECT_EQ(serialise_package(other), text);
  EXPECT_EQ(serialise_package({}), R"({"files":[],"version":1})");
}

TEST(PackageTest, RefusesStoredFormsThatAreWrong) {
  for (const char* bad :
       {R"({"files":[],"version":2})", R"({"version":1})", R"({"files":[1],"version":1})",
        R"({"files":[{"path":"../a","target":"b"}],"version":1})",
        R"({"files":[{"path":"a","mode":"9999"}],"version":1})",
        R"({"files":[{"path":"a","mode":"0644","sha256":"12","size":1}],"version":1})"})
    failure([&] { parse_package(bad); });
}

class PackageUploadTest : public testing::Test {
 protected:
  ScratchFolder scratch_;
  SystemClock clock_;
  MemoryBlobStore blobs_{clock_};
};

TEST_F(PackageUploadTest, AZipBecomesBlobsAndAPackage) {
  const Fd zip = make_zip(scratch_, {{"run.sh", "#!/bin/sh\n", AE_IFREG | 0755},
                                     {"src/", "", AE_IFDIR | 0755},
                                     {"src/grüße.txt", "hallo"},
                                     {"empty/", "", AE_IFDIR | 0755},
                                     {"link", "src/grüße.txt", AE_IFLNK | 0777},
                                     {"nothing", ""}});
  const StoredPackage stored = store_package(blobs_, zip.get(), {});
  const auto& files = stored.package.files;
  ASSERT_EQ(files.size(), 5u);
  EXPECT_EQ(files[0].path, "empty");
  EXPECT_EQ(files[1], link("link", "src/grüße.txt"));
  EXPECT_EQ(files[2].path, "nothing");
  EXPECT_EQ(files[3].mode, 0755u);
  EXPECT_EQ(files[4].path, "src/grüße.txt");
  EXPECT_EQ(files[4].sha1, "fd4cef7a4e607f1fcc920ad6329a6df2df99a4e8");
  EXPECT_EQ(blobs_.read(files[4].sha256, 10), "hallo");
  EXPECT_EQ(load_package(blobs_, stored.digest).files.size(), 5u);
  EXPECT_EQ(blobs_of_package(blobs_, stored.digest).size(), 4u);
}

TEST_F(PackageUploadTest, MatchedFilesGiveTheSamePackageAsUploadedOnes) {
  const Fd all = make_zip(scratch_, {{"a", "one"}, {"b", "two"}});
  const StoredPackage first = store_package(blobs_, all.get(), {});
  const Fd some = make_zip(scratch_, {{"b", "two"}});
  EXPECT_EQ(store_package(blobs_, some.get(), {file("a", "one")}).digest, first.digest);
  EXPECT_EQ(store_package(blobs_, -1, {file("b", "two"), file("a", "one")}).digest, first.digest);
  EXPECT_NE(store_package(blobs_, some.get(), {file("b", "one")}).digest, first.digest);
}

TEST_F(PackageUploadTest, AMatchedFileThatIsGoneIsNamed) {
  EXPECT_NE(failure([&] { store_package(blobs_, -1, {file("lost.txt", "x")}); }).find("lost.txt"),
            std::string::npos);
  EXPECT_EQ(blobs_.usage().blobs, 0u);
}

TEST_F(PackageUploadTest, AZipBombIsRefusedWhileItIsUnpacked) {
  const std::string zeros(8 << 20, '\0');
  const Fd zip = make_zip(scratch_, {{"bomb", zeros}, {"bomb2", zeros}});
  EXPECT_LT(std::filesystem::file_size(scratch_ / "upload.zip"), 100'000u);
  failure([&] { store_package(blobs_, zip.get(), {}, {.file_bytes = 1 << 20}); }, Code::too_large);
  failure([&] { store_package(blobs_, zip.get(), {}, {.total_bytes = 9 << 20}); }, Code::too_large);
  failure([&] { store_package(blobs_, zip.get(), {}, {.files = 1}); }, Code::too_large);
  EXPECT_EQ(blobs_.usage().blobs, 0u);
}

TEST_F(PackageUploadTest, BadZipsAreRefusedAndLeaveNothing) {
  for (const ZipEntry& bad :
       {ZipEntry{"../escape", "x"}, ZipEntry{"/etc/passwd", "x"}, ZipEntry{"a/../../b", "x"},
        ZipEntry{"link", "../../etc", AE_IFLNK | 0777}}) {
    const Fd zip = make_zip(scratch_, {{"fine", "x"}, bad});
    failure([&] { store_package(blobs_, zip.get(), {}); });
  }
  scratch_.write("upload.zip", "this is no zip at all, whatever its name says");
  const Fd junk(::open((scratch_ / "upload.zip").c_str(), O_RDONLY));
  failure([&] { store_package(blobs_, junk.get(), {}); });
  EXPECT_EQ(blobs_.usage().blobs, 0u);
}

TEST_F(PackageUploadTest, ATruncatedOrDamagedZipIsRefused) {
  std::string noise;
  SeededRandom random(7);
  for (int i = 0; i < 20000; ++i) noise += static_cast<char>(random.next());
  make_zip(scratch_, {{"a", noise}, {"b", noise + "x"}});
  const std::string whole = read_file(scratch_ / "upload.zip", 1 << 20);
  const auto refused = [&](std::string_view bytes) {
    const std::filesystem::path path = scratch_.write("bad.zip", bytes);
    const Fd zip(::open(path.c_str(), O_RDONLY));
    failure([&] { store_package(blobs_, zip.get(), {}); });
  };
  refused(std::string_view(whole).substr(0, whole.size() / 2));
  refused(std::string_view(whole).substr(0, whole.size() - 5));
  std::string damaged = whole;
  damaged[3000] ^= 1;
  refused(damaged);
  EXPECT_EQ(blobs_.usage().blobs, 0u);
}

class BuildInputTest : public PackageUploadTest {
 protected:
  // The tar stream, and what GNU tar makes of it.
  std::string tar_of(const Package& package) {
    const Fd out(
        ::open((scratch_ / "input.tar").c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    write_build_input(package, blobs_, {R"({"version":1})", ""}, out.get());
    return read_file(scratch_ / "input.tar", 64 << 20);
  }
};

TEST_F(BuildInputTest, IsATarThatOthersReadAndAlwaysTheSame) {
  const std::string deep = std::string(120, 'd') + "/" + std::string(120, 'f');
  const Fd zip = make_zip(scratch_, {{"run.sh", "#!/bin/sh\n", AE_IFREG | 0755},
                                     {"ünï", "x"},
                                     {deep, "deep"},
                                     {"l", "run.sh", AE_IFLNK | 0777},
                                     {"e/", "", AE_IFDIR | 0755}});
  const Package package = store_package(blobs_, zip.get(), {}).package;
  EXPECT_EQ(tar_of(package), tar_of(package));
  const std::string list = run_program(
      {"env", "LC_ALL=C.UTF-8", "TZ=UTC", "tar", "--numeric-owner", "-tvf", "input.tar"},
      scratch_.path());
  EXPECT_EQ(list.find("-rw-r--r-- 0/0              13 1980-01-01 00:00 build.json\n"), 0u) << list;
  EXPECT_NE(list.find("-rwxr-xr-x 0/0              10 1980-01-01 00:00 app/run.sh\n"),
            std::string::npos)
      << list;
  EXPECT_NE(list.find(" app/l -> run.sh\n"), std::string::npos) << list;
  EXPECT_NE(list.find(" app/e/\n"), std::string::npos) << list;
  EXPECT_NE(list.find(" app/ünï\n"), std::string::npos) << list;
  run_program({"tar", "-xf", "input.tar"}, scratch_.path());
  EXPECT_EQ(read_file(scratch_ / ("app/" + deep), 10), "deep");
}

TEST_F(BuildInputTest, ADamagedBlobIsNoticed) {
  Package package{{file("a", "never stored")}};
  failure([&] { tar_of(package); }, Code::not_found);
  blobs_.put("other");
  package.files[0] = file("a", "other");
  package.files[0].size = 3;
  failure([&] { tar_of(package); }, Code::data_loss);
}

TEST_F(BuildInputTest, AReaderThatGoesAwayEndsIt) {
  ::signal(SIGPIPE, SIG_IGN);
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  ::close(ends[0]);
  const Fd out(ends[1]);
  blobs_.put("x");
  failure([&] { write_build_input(Package{{file("a", "x")}}, blobs_, {"{}", ""}, out.get()); },
          Code::cancelled);
}

}  // namespace
}  // namespace nuri::image

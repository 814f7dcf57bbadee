#include "build/lifecycle/input.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "build/lifecycle/layer_time.h"
#include "build/lifecycle/tar_writer.h"
#include "build/lifecycle/test_tree.h"

namespace nuri::lifecycle {
namespace {

using testing::HasSubstr;

class InputTest : public TestTree {
 protected:
  InputTest() {
    fs::create_directory(root_ / "workspace");
    fs::create_directory(root_ / "platform");
    tar_.text({"build.json"}, "{}");
  }

  Input unpack() {
    tar_.finish();
    put("input.tar", bytes_);
    const Fd fd(::open((root_ / "input.tar").c_str(), O_RDONLY | O_CLOEXEC));
    return unpack_input(fd.get(), {root_ / "workspace", root_ / "platform"});
  }

  std::string refusal() {
    try {
      unpack();
    } catch (const Error& e) {
      return e.message();
    }
    return "(accepted)";
  }

  std::string bytes_;
  TarWriter tar_{[this](std::string_view more) { bytes_ += more; }};
};

TEST_F(InputTest, FilesDirectoriesAndLinksArriveWithPlainModesAndOneTime) {
  tar_.directory({"app/empty", 0700});
  tar_.text({"app/run.sh", 04755, 0, 1234}, "#!/bin/sh\n");
  tar_.text({"app/deep/er/file", 0600}, "x");
  tar_.link({"app/deep/link"}, "../run.sh");
  tar_.text({"platform/ca.crt"}, "certificates");
  const Input input = unpack();
  EXPECT_EQ(input.build_json, "{}");
  EXPECT_TRUE(input.has_ca);
  EXPECT_EQ(get("workspace/deep/er/file"), "x");
  EXPECT_EQ(get("workspace/deep/link"), "#!/bin/sh\n");
  EXPECT_EQ(get("platform/ca.crt"), "certificates");
  EXPECT_TRUE(fs::is_directory(root_ / "workspace/empty"));
  struct stat st;
  ASSERT_EQ(::stat((root_ / "workspace/run.sh").c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 0755U);
  EXPECT_EQ(st.st_mtim.tv_sec, kLayerTime);
  ASSERT_EQ(::stat((root_ / "workspace/deep/er/file").c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 0644U);
}

TEST_F(InputTest, NamesOutsideAsciiAndLongOnesArriveAsTheyAre) {
  const std::string name = "누리/" + std::string(120, 'a') + "/" + std::string(130, 'b');
  tar_.text({"app/" + name}, "x");
  unpack();
  EXPECT_EQ(get("workspace/" + name), "x");
}

TEST_F(InputTest, APathThatLeavesIsRefused) {
  tar_.text({"app/../../evil"}, "x");
  EXPECT_THAT(refusal(), HasSubstr("'app/../../evil' leaves its directory"));
  EXPECT_FALSE(fs::exists(root_ / "evil"));
}

TEST_F(InputTest, AnAbsolutePathIsRefused) {
  tar_.text({"app//etc/evil"}, "x");
  EXPECT_THAT(refusal(), HasSubstr("leaves its directory"));
}

TEST_F(InputTest, ALinkThatPointsOutsideIsRefused) {
  tar_.link({"app/a/link"}, "../../outside");
  EXPECT_THAT(refusal(), HasSubstr("is a link to '../../outside'"));
}

TEST_F(InputTest, AnAbsoluteLinkIsRefused) {
  tar_.link({"app/link"}, "/etc/passwd");
  EXPECT_THAT(refusal(), HasSubstr("outside the app"));
}

TEST_F(InputTest, NothingIsWrittenThroughALink) {
  tar_.directory({"app/real"});
  tar_.link({"app/link"}, "real");
  tar_.text({"app/link/file"}, "x");
  EXPECT_THAT(refusal(), HasSubstr("goes through something that is not a directory"));
  EXPECT_FALSE(fs::exists(root_ / "workspace/real/file"));
}

TEST_F(InputTest, AFileThatIsThereTwiceIsRefused) {
  tar_.text({"app/file"}, "x");
  tar_.text({"app/file"}, "y");
  EXPECT_THAT(refusal(), HasSubstr("is there twice"));
}

TEST_F(InputTest, EntriesOutsideTheTwoPlacesAreRefused) {
  tar_.text({"layers/x"}, "x");
  EXPECT_THAT(refusal(), HasSubstr("neither build.json nor under app/"));
}

TEST_F(InputTest, ACutStreamIsAnError) {
  tar_.text({"app/file"}, std::string(5000, 'x'));
  bytes_.resize(bytes_.size() - 3000);
  put("input.tar", bytes_);
  const Fd fd(::open((root_ / "input.tar").c_str(), O_RDONLY | O_CLOEXEC));
  EXPECT_THROW(unpack_input(fd.get(), {root_ / "workspace", root_ / "platform"}), Error);
}

TEST_F(InputTest, BuildJsonMustComeFirst) {
  bytes_.clear();
  tar_.text({"app/file"}, "x");
  EXPECT_THAT(refusal(), HasSubstr("comes before build.json"));
}

}  // namespace
}  // namespace nuri::lifecycle

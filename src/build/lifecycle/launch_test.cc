#include "build/lifecycle/launch.h"

#include <gmock/gmock.h>

#include "build/lifecycle/test_tree.h"

namespace nuri::lifecycle {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class LaunchTest : public TestTree {
 protected:
  LaunchTest() {
    put("layers/config/metadata.toml",
        "[[buildpacks]]\nid = \"test/a\"\n[[buildpacks]]\nid = \"test/b\"\n"
        "[[processes]]\ntype = \"web\"\ncommand = [\"node\", \"server.js\"]\nargs = [\"--quiet\"]\n"
        "working-dir = \"site\"\n");
    metadata_ = read_launch_metadata(root_ / "layers");
  }

  StartCommand choose(const std::string& called_as, const std::vector<std::string>& args) {
    return choose_command(metadata_, called_as, args, "/workspace", "/bin/sh");
  }
  Environment environment(Environment start, const std::string& type = "web") {
    return launch_environment(metadata_, root_ / "layers", type, root_, std::move(start));
  }

  LaunchMetadata metadata_;
};

TEST_F(LaunchTest, CalledByAProcessTypeItRunsThatProcess) {
  const StartCommand web = choose("web", {});
  EXPECT_THAT(web.argv, ElementsAre("node", "server.js", "--quiet"));
  EXPECT_EQ(web.directory, "/workspace/site");
  EXPECT_EQ(web.type, "web");
}

TEST_F(LaunchTest, ArgumentsReplaceTheProcesssOwn) {
  EXPECT_THAT(choose("web", {"-v"}).argv, ElementsAre("node", "server.js", "-v"));
}

TEST_F(LaunchTest, AUsersCommandRunsInAShellAndAfterTwoDashesWithoutOne) {
  EXPECT_THAT(choose("launcher", {"echo $1", "x"}).argv,
              ElementsAre("/bin/sh", "-c", "echo $1", "/bin/sh", "x"));
  EXPECT_THAT(choose("launcher", {"--", "echo", "$1"}).argv, ElementsAre("echo", "$1"));
}

TEST_F(LaunchTest, NothingToStartNamesTheProcessTypes) {
  try {
    choose("launcher", {});
    FAIL() << "it was accepted";
  } catch (const Error& e) {
    EXPECT_THAT(e.message(), HasSubstr("There are: /cnb/process/web"));
  }
}

TEST_F(LaunchTest, LayersSetTheEnvironmentLaterBuildpacksInFront) {
  fs::create_directories(root_ / "layers/test_a/one/bin");
  fs::create_directories(root_ / "layers/test_b/two/bin");
  put("layers/test_a/one/env.launch/web/MODE", "web");
  put("layers/test_a/one/env.launch/worker/MODE", "worker");
  const auto env =
      environment({{"PATH", "/cnb/process:/cnb/lifecycle:/bin"}, {"CNB_APP_DIR", "x"}});
  const std::string layers = (root_ / "layers").string();
  EXPECT_EQ(env.at("PATH"), layers + "/test_b/two/bin:" + layers + "/test_a/one/bin:/bin");
  EXPECT_EQ(env.at("MODE"), "web");
  EXPECT_FALSE(env.contains("CNB_APP_DIR"));
}

TEST_F(LaunchTest, ExecdProgramsAddVariables) {
  put("layers/test_a/one/exec.d/10", "#!/bin/sh\necho \"SIZE = \\\"$BASE0\\\"\" >&3\n", 0755);
  put("layers/test_a/one/exec.d/web/20", "#!/bin/sh\necho \"MORE = \\\"$SIZE\\\"\" >&3\n", 0755);
  EXPECT_EQ(environment({{"BASE", "1"}, {"BASE0", "10"}}).at("MORE"), "10");
  EXPECT_FALSE(environment({{"BASE0", "10"}}, "worker").contains("MORE"));
}

TEST_F(LaunchTest, AFailingExecdProgramStopsTheLaunch) {
  put("layers/test_a/one/exec.d/10", "#!/bin/sh\nexit 3\n", 0755);
  EXPECT_THROW(environment({}), Error);
}

}  // namespace
}  // namespace nuri::lifecycle

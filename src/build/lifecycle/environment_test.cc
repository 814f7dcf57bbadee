#include "build/lifecycle/environment.h"

#include "build/lifecycle/test_tree.h"

namespace nuri::lifecycle {
namespace {

class EnvironmentTest : public TestTree {
 protected:
  Environment after(std::string_view layer, Phase phase, Environment start,
                    std::string_view process = {}) {
    add_layer_variables(start, root_ / layer, phase, process);
    return start;
  }
};

TEST_F(EnvironmentTest, AFileWithoutASuffixOverridesAsDoesDotOverride) {
  put("l/env/A", "new");
  put("l/env/B.override", "new");
  const auto env = after("l", Phase::build, {{"A", "old"}, {"B", "old"}});
  EXPECT_EQ(env.at("A"), "new");
  EXPECT_EQ(env.at("B"), "new");
}

TEST_F(EnvironmentTest, ADefaultCountsOnlyWhereThereIsNoValue) {
  put("l/env/A.default", "mine");
  put("l/env/B.default", "mine");
  put("l/env/C.default", "mine");
  const auto env = after("l", Phase::launch, {{"A", "theirs"}, {"B", ""}});
  EXPECT_EQ(env.at("A"), "theirs");
  EXPECT_EQ(env.at("B"), "mine");
  EXPECT_EQ(env.at("C"), "mine");
}

TEST_F(EnvironmentTest, AppendAndPrependUseTheDelimiterOrNothing) {
  put("l/env/A.append", "z");
  put("l/env/B.append", "z");
  put("l/env/B.delim", ":");
  put("l/env/C.prepend", "z");
  put("l/env/C.delim", ", ");
  put("l/env/D.append", "z");
  const auto env = after("l", Phase::build, {{"A", "a"}, {"B", "a"}, {"C", "a"}});
  EXPECT_EQ(env.at("A"), "az");
  EXPECT_EQ(env.at("B"), "a:z");
  EXPECT_EQ(env.at("C"), "z, a");
  EXPECT_EQ(env.at("D"), "z");
}

TEST_F(EnvironmentTest, PhaseAndProcessDirectoriesComeAfterTheCommonOne) {
  put("l/env/A", "common");
  put("l/env.build/A", "build");
  put("l/env.launch/A", "launch");
  put("l/env.launch/worker/A", "worker");
  put("l/env.launch/B.delim", ":");
  put("l/env.launch/worker/B.append", "w");
  EXPECT_EQ(after("l", Phase::build, {}).at("A"), "build");
  EXPECT_EQ(after("l", Phase::launch, {}).at("A"), "launch");
  EXPECT_EQ(after("l", Phase::launch, {}, "web").at("A"), "launch");
  const auto worker = after("l", Phase::launch, {{"B", "b"}}, "worker");
  EXPECT_EQ(worker.at("A"), "worker");
  EXPECT_EQ(worker.at("B"), "b:w");
}

TEST_F(EnvironmentTest, ContentIsNeitherTrimmedNorEvaluated) {
  put("l/env/A", " $HOME\n");
  EXPECT_EQ(after("l", Phase::build, {}).at("A"), " $HOME\n");
}

TEST_F(EnvironmentTest, LayerPathsStandInFrontAndOnlyForDirectoriesThatExist) {
  fs::create_directories(root_ / "a/bin");
  fs::create_directories(root_ / "a/include");
  fs::create_directories(root_ / "b/bin");
  Environment build{{"PATH", "/bin"}};
  add_layer_paths(build, {root_ / "a", root_ / "b"}, Phase::build);
  EXPECT_EQ(build.at("PATH"),
            (root_ / "a/bin").string() + ":" + (root_ / "b/bin").string() + ":/bin");
  EXPECT_EQ(build.at("CPATH"), (root_ / "a/include").string());
  EXPECT_FALSE(build.contains("LD_LIBRARY_PATH"));
  Environment launch;
  add_layer_paths(launch, {root_ / "a"}, Phase::launch);
  EXPECT_FALSE(launch.contains("CPATH"));
}

TEST_F(EnvironmentTest, UserVariablesReplaceOthersButArePutBeforePaths) {
  Environment env{{"PATH", "/layer/bin"}, {"MODE", "layer"}};
  add_user_variables(env, {{"PATH", "/mine"}, {"MODE", "mine"}});
  EXPECT_EQ(env.at("PATH"), "/mine:/layer/bin");
  EXPECT_EQ(env.at("MODE"), "mine");
}

}  // namespace
}  // namespace nuri::lifecycle

// Whole builds with small buildpacks written as scripts.

#include "build/lifecycle/lifecycle.h"

#include <fcntl.h>
#include <gmock/gmock.h>

#include "base/digest.h"
#include "base/fd.h"
#include "build/lifecycle/image_metadata.h"
#include "build/lifecycle/tar_writer.h"
#include "build/lifecycle/test_image.h"
#include "build/lifecycle/test_tree.h"

namespace nuri::lifecycle {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

constexpr const char* kYes = "echo looking; exit 0";

class LifecycleTest : public TestTree {
 protected:
  LifecycleTest() {
    fs::create_directories(root_ / "cache");
    fs::create_directories(root_ / "buildpacks");
    put("launcher", "the launcher", 0755);
    app_ = {{"server.js", "hello"}, {"lib/a.js", "a"}};
  }

  void order(std::string_view text) { put("buildpacks/order.toml", text); }
  void order_of_one(const std::string& name) {
    order("[[order]]\n[[order.group]]\nid = \"test/" + name + "\"\n");
  }

  // Builds app_ with `request` added to build.json; the log is in log_, the image in the result.
  TestImage build(json::object request = {}, int expected = kDone) {
    for (const char* name : {"workspace", "layers", "platform", "scratch"})
      remove_tree(root_ / name);
    std::string input;
    TarWriter tar([&](std::string_view more) { input += more; });
    json::object all{
        {"format", "nuri-build/1"}, {"app", {{"name", "shop"}}}, {"run_image", run_image()}};
    for (const auto& member : request) all[member.key()] = member.value();
    tar.text({"build.json"}, json::serialize(all));
    for (const auto& [path, text] : app_) tar.text({"app/" + path, 0644, 0, time_}, text);
    tar.finish();
    put("input.tar", input);
    const Fd in(::open((root_ / "input.tar").c_str(), O_RDONLY | O_CLOEXEC));
    const Fd out(
        ::open((root_ / "output.tar").c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    testing::internal::CaptureStdout();
    const int code =
        run_build({root_ / "workspace", root_ / "layers", root_ / "platform", root_ / "cache",
                   root_ / "buildpacks", root_ / "launcher", root_ / "scratch"},
                  in.get(), out.get());
    log_ = testing::internal::GetCapturedStdout();
    EXPECT_EQ(code, expected) << log_;
    if (code != kDone) return {};
    return TestImage::read(root_ / "output.tar");
  }

  static json::object run_image() {
    const std::string base = Digest::of("base").str();
    return {{"reference", "nuri/run"},
            {"config",
             {{"os", "linux"},
              {"architecture", "amd64"},
              {"config", {{"Env", {"PATH=/bin", "LANG=C.UTF-8"}}, {"Labels", {{"kept", "yes"}}}}},
              {"rootfs", {{"type", "layers"}, {"diff_ids", {base}}}}}},
            {"layers",
             {{{"mediaType", "application/vnd.oci.image.layer.v1.tar"},
               {"digest", base},
               {"size", 4}}}}};
  }

  std::map<std::string, std::string> app_;
  std::int64_t time_ = 1'700'000'000;
  std::string log_;
};

TEST_F(LifecycleTest, TheSameInputGivesTheSameImageWhateverItsTimes) {
  buildpack("a", kYes,
            "mkdir -p $1/deps/bin; echo x > $1/deps/bin/tool; ln -s tool $1/deps/bin/link\n"
            "touch -d \"@1$(date +%N)\" $1/deps/bin/tool\n"
            "printf '[types]\\nlaunch = true\\n' > $1/deps.toml");
  order_of_one("a");
  const TestImage first = build();
  time_ += 5'000;
  remove_tree(root_ / "cache");
  const TestImage second = build();
  EXPECT_EQ(first.manifest_digest, second.manifest_digest);
  app_["server.js"] = "other";
  EXPECT_NE(build().manifest_digest, first.manifest_digest);
}

TEST_F(LifecycleTest, TheImageHasTheRunImagesLayersFirstAndTheUsualLabels) {
  buildpack(
      "a", kYes,
      "printf '[[labels]]\\nkey = \"team\"\\nvalue = \"red\"\\n"
      "[[processes]]\\ntype = \"web\"\\ncommand = [\"node\", \"server.js\"]\\n' > $1/launch.toml");
  order_of_one("a");
  const TestImage image = build({{"project", {{"source", {{"type", "push"}}}}}});
  EXPECT_EQ(image.diff_ids().front(), Digest::of("base").str());
  EXPECT_EQ(image.label("kept"), "yes");
  EXPECT_EQ(image.label("team"), "red");
  EXPECT_THAT(image.label(kProjectLabel), HasSubstr("push"));
  EXPECT_THAT(image.label(kBuildLabel), HasSubstr(R"("command":["node","server.js"])"));
  EXPECT_THAT(image.entrypoint(), ElementsAre("/cnb/process/web"));
  EXPECT_THAT(image.env(), Contains("PATH=/cnb/process:/cnb/lifecycle:/bin"));
  EXPECT_THAT(image.new_layer_paths(), Contains("cnb/lifecycle/launcher"));
  EXPECT_THAT(image.new_layer_paths(), Contains("workspace/lib/a.js"));
}

TEST_F(LifecycleTest, ALaunchLayerLeftWithoutContentIsTakenFromThePreviousImage) {
  buildpack("a", kYes,
            "if grep -q 'key = \"k\"' $1/deps.toml 2>/dev/null && [ ! -e $1/deps ]; then echo "
            "kept; else\n"
            "mkdir -p $1/deps; echo big > $1/deps/file; fi\n"
            "printf '[types]\\nlaunch = true\\n[metadata]\\nkey = \"k\"\\n' > $1/deps.toml");
  order_of_one("a");
  const TestImage first = build();
  EXPECT_THAT(log_, Not(HasSubstr("kept")));
  app_["server.js"] = "changed";
  const TestImage second = build({{"previous_image", first.request()}});
  EXPECT_THAT(log_, HasSubstr("kept"));
  EXPECT_THAT(log_, HasSubstr("Reused test/a:deps"));
  EXPECT_THAT(second.new_layer_paths(), Not(Contains("layers/test_a/deps/file")));
  EXPECT_THAT(second.diff_ids(), Contains(first.layer_sha("test/a", "deps")));
  EXPECT_EQ(second.new_layers, 1U);
}

TEST_F(LifecycleTest, AskingForALayerThatNoImageHasFailsTheExport) {
  buildpack("a", kYes, "printf '[types]\\nlaunch = true\\n' > $1/deps.toml");
  order_of_one("a");
  build({}, kExportFailed);
  EXPECT_THAT(log_, HasSubstr("'deps' of the previous image, which does not have it"));
}

TEST_F(LifecycleTest, CachedLayersComeBackAndOthersDoNot) {
  buildpack("a", kYes,
            "[ ! -e $1/kept/n ] || echo \"n was $(cat $1/kept/n), $(grep word $1/kept.toml)\"\n"
            "[ ! -e $1/lost ] || echo lost came back\n"
            "mkdir -p $1/kept $1/lost; echo 1 >> $1/kept/n; touch $1/lost/x\n"
            "printf '[types]\\ncache = true\\n[metadata]\\nword = \"w\"\\n' > $1/kept.toml\n"
            "printf '[types]\\nbuild = true\\n' > $1/lost.toml");
  order_of_one("a");
  build();
  EXPECT_THAT(log_, Not(HasSubstr("n was")));
  build();
  EXPECT_THAT(log_, HasSubstr("n was 1, word = \"w\""));
  EXPECT_THAT(log_, Not(HasSubstr("lost came back")));
  build();
  EXPECT_THAT(log_, HasSubstr("n was 1\n1, word"));
}

TEST_F(LifecycleTest, ADamagedCacheIsThrownAwayWithAMessage) {
  buildpack("a", kYes,
            "[ ! -e $1/kept ] || echo it came back\nmkdir -p $1/kept; echo 1 > $1/kept/n\n"
            "printf '[types]\\ncache = true\\n' > $1/kept.toml");
  order_of_one("a");
  build();
  put("cache/layers/1/n", "someone else");
  build();
  EXPECT_THAT(log_, HasSubstr("The cached layer kept of test/a is thrown away"));
  EXPECT_THAT(log_, Not(HasSubstr("it came back")));
  put("cache/nuri-cache.json", "{ broken");
  build();
  EXPECT_THAT(log_, HasSubstr("The build cache is thrown away"));
  build();
  EXPECT_THAT(log_, HasSubstr("it came back"));
}

TEST_F(LifecycleTest, ALaunchAndCacheLayerComesBackOnlyWithTheImageThatHasIt) {
  buildpack("a", kYes,
            "[ ! -e $1/both/n ] || echo it came back\nmkdir -p $1/both; echo 1 > $1/both/n\n"
            "printf '[types]\\nlaunch = true\\ncache = true\\n' > $1/both.toml");
  order_of_one("a");
  const TestImage first = build();
  build();
  EXPECT_THAT(log_, Not(HasSubstr("it came back")));
  const TestImage third = build({{"previous_image", first.request()}});
  EXPECT_THAT(log_, HasSubstr("it came back"));
  EXPECT_EQ(third.manifest_digest, first.manifest_digest);
}

TEST_F(LifecycleTest, AFailedBuildKeepsTheOldCacheAndMakesNoImage) {
  buildpack("a", kYes,
            "[ ! -e $1/kept ] || echo it came back\n[ ! -e fail ] || exit 7\n"
            "mkdir -p $1/kept; printf '[types]\\ncache = true\\n' > $1/kept.toml");
  order_of_one("a");
  build();
  app_["fail"] = "";
  build({}, kBuildpackFailed);
  EXPECT_THAT(log_, HasSubstr("test/a 1.2.3 failed with status 7"));
  EXPECT_EQ(get("output.tar"), "");
  app_.erase("fail");
  build();
  EXPECT_THAT(log_, HasSubstr("it came back"));
}

TEST_F(LifecycleTest, NothingDetectedSaysWhatEachBuildpackLookedFor) {
  buildpack("a", "echo package.json: not found; exit 100", "");
  buildpack("b", "echo requirements.txt: not found; exit 100", "");
  order(
      "[[order]]\n[[order.group]]\nid = \"test/a\"\n[[order]]\n[[order.group]]\nid = \"test/b\"\n");
  build({}, kNothingDetected);
  EXPECT_THAT(log_, HasSubstr("NoAppDetectedError"));
  EXPECT_THAT(log_, HasSubstr("test/a  package.json: not found"));
  EXPECT_THAT(log_, HasSubstr("test/b  requirements.txt: not found"));
  buildpack("a", "echo oh no; exit 3", "");
  build({}, kDetectError);
  EXPECT_THAT(log_, HasSubstr("bin/detect failed with status 3: oh no"));
}

TEST_F(LifecycleTest, TheFirstGroupThatPassesWinsWithoutItsAbsentOptionalOnes) {
  buildpack("no", "exit 100", "");
  buildpack("yes", kYes, "echo building yes");
  buildpack("last", kYes, "echo building last");
  order(
      "[[order]]\n[[order.group]]\nid = \"test/no\"\n[[order.group]]\nid = \"test/last\"\n"
      "[[order]]\n[[order.group]]\nid = \"test/no\"\noptional = true\n[[order.group]]\nid = "
      "\"test/yes\"\n"
      "[[order]]\n[[order.group]]\nid = \"test/last\"\n");
  build();
  EXPECT_THAT(log_, HasSubstr("building yes"));
  EXPECT_THAT(log_, Not(HasSubstr("building last")));
}

TEST_F(LifecycleTest, ACompositeBuildpackStandsForItsOrder) {
  buildpack("no", "exit 100", "");
  buildpack("yes", kYes, "echo building yes");
  put("buildpacks/both/buildpack.toml",
      "api = \"0.10\"\n[buildpack]\nid = \"test/both\"\nversion = \"1.0.0\"\n"
      "[[order]]\n[[order.group]]\nid = \"test/no\"\nversion = \"1.2.3\"\n"
      "[[order]]\n[[order.group]]\nid = \"test/yes\"\nversion = \"1.2.3\"\n");
  order_of_one("both");
  build();
  EXPECT_THAT(log_, HasSubstr("building yes"));
}

TEST_F(LifecycleTest, TheUsersBuildpacksAreTakenByNameAndAlias) {
  buildpack("a", kYes, "echo building a");
  buildpack("b", kYes, "echo building b", "[metadata]\naliases = [\"b_buildpack\"]\n");
  order_of_one("a");
  build({{"buildpacks", {"b_buildpack"}}});
  EXPECT_THAT(log_, HasSubstr("building b"));
  build({{"buildpacks", {"b", "test/a"}}});
  EXPECT_LT(log_.find("building b"), log_.find("building a"));
  build({{"buildpacks", {"cobol"}}}, kFailed);
  EXPECT_THAT(log_, HasSubstr("there is no buildpack 'cobol'; there are: test/a, test/b"));
}

TEST_F(LifecycleTest, BuildLayersOfEarlierBuildpacksAndTheUsersVariablesAreSeen) {
  buildpack("a", kYes,
            "mkdir -p $1/tools/bin $1/tools/env.build; printf '#!/bin/sh\\necho tool runs' > "
            "$1/tools/bin/tool\n"
            "chmod +x $1/tools/bin/tool; printf said > $1/tools/env.build/WORD\n"
            "printf '[types]\\nbuild = true\\n' > $1/tools.toml; mkdir $1/temporary; touch "
            "$1/temporary.toml");
  buildpack(
      "b", kYes,
      "tool; echo \"$WORD $MINE $(cat $2/env/MINE) proxy=$HTTP_PROXY epoch=$SOURCE_DATE_EPOCH\"\n"
      "ls $1/../test_a");
  order("[[order]]\n[[order.group]]\nid = \"test/a\"\n[[order.group]]\nid = \"test/b\"\n");
  const TestImage image =
      build({{"env", {{"MINE", "42"}}}, {"platform_env", {{"HTTP_PROXY", "http://proxy:3128"}}}});
  EXPECT_THAT(log_, HasSubstr("tool runs\nsaid 42 42 proxy=http://proxy:3128 epoch=315532801"));
  EXPECT_THAT(log_, HasSubstr("temporary.ignore"));
  EXPECT_THAT(image.config_text, Not(HasSubstr("proxy")));
  EXPECT_THAT(image.config_text, Not(HasSubstr("MINE")));
}

TEST_F(LifecycleTest, UnmetPlanEntriesGoToTheNextProvider) {
  const std::string provides = "printf '[[provides]]\\nname = \"db\"\\n' > $2";
  buildpack("a", provides, "grep -c db $3; printf '[[unmet]]\\nname = \"db\"\\n' > $1/build.toml");
  buildpack("b", provides, "echo b got $(grep -c db $CNB_BP_PLAN_PATH)");
  buildpack("c", "printf '[[requires]]\\nname = \"db\"\\n' > $CNB_BUILD_PLAN_PATH", "");
  order(
      "[[order]]\n[[order.group]]\nid = \"test/a\"\n[[order.group]]\nid = \"test/b\"\n"
      "[[order.group]]\nid = \"test/c\"\n");
  build();
  EXPECT_THAT(log_, HasSubstr("b got 1"));
}

TEST_F(LifecycleTest, SlicesBecomeLayersOfTheirOwn) {
  app_ = {{"a.css", "1"}, {"lib/b.js", "2"}, {"lib/deep/c.js", "3"}, {"main", "4"}};
  buildpack("a", kYes, "printf '[[slices]]\\npaths = [\"*.css\", \"lib\"]\\n' > $1/launch.toml");
  order_of_one("a");
  const TestImage first = build();
  EXPECT_THAT(first.new_layer_paths(), Contains("workspace/lib/deep/c.js"));
  app_["main"] = "5";
  EXPECT_EQ(build({{"previous_image", first.request()}}).new_layers, 1U);
}

TEST_F(LifecycleTest, StoreTomlComesBack) {
  buildpack("a", kYes,
            "[ ! -e $1/store.toml ] || cat $1/store.toml; printf '[metadata]\\nseen = 1\\n' > "
            "$1/store.toml");
  order_of_one("a");
  const TestImage first = build();
  build({{"previous_image", first.request()}});
  EXPECT_THAT(log_, HasSubstr("seen = 1"));
}

TEST_F(LifecycleTest, ABuildpackOfAnotherApiIsRefusedByName) {
  buildpack("a", kYes, "");
  put("buildpacks/a/buildpack.toml",
      "api = \"0.2\"\n[buildpack]\nid = \"test/a\"\nversion = \"1.0.0\"\n");
  order_of_one("a");
  build({}, kFailed);
  EXPECT_THAT(log_, HasSubstr("buildpack API '0.2' is not supported"));
}

}  // namespace
}  // namespace nuri::lifecycle

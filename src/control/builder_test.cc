#include "control/builder.h"

#include "control/test_control.h"

namespace nuri::control {
namespace {

using model::BuildState;
using model::BuildStep;
using testing::Contains;
using testing::ElementsAre;
using testing::Eq;

class BuilderTest : public ControlTest {
 protected:
  model::Build push(const model::App& app, std::string_view files = "files") {
    return make_build(app, make_package(app, files));
  }
  // Waits for the end of the build, with nothing of it left.
  model::Build ended(const model::Build& build) {
    EXPECT_TRUE(until([&] { return row(build.guid).step == BuildStep::done; }));
    pass(1s);  // what is still on its way to the machine
    EXPECT_FALSE(machine_.sandboxes().contains(InstanceGuid(build.guid.str())));
    return row(build.guid);
  }
  std::vector<model::Droplet> droplets() { return all(store::Query<model::Droplet>()); }
};

TEST_F(BuilderTest, MakesADropletOfAPackage) {
  auto app = make_app("shop");
  change(app.guid, [](model::App& changed) { changed.env["NODE_ENV"] = "test"; });
  const auto package = make_package(app, "files");
  model::Build wanted;
  wanted.app = app.guid;
  wanted.package = package.guid;
  wanted.lifecycle.buildpacks = {"node"};
  wanted.memory_mb = 700;
  const auto build = ended(insert(wanted));
  EXPECT_EQ(build.state, BuildState::staged);
  EXPECT_EQ(build.error, "");
  const auto droplet = row(build.droplet);
  EXPECT_EQ(droplet.app, app.guid);
  EXPECT_EQ(droplet.package, package.guid);
  EXPECT_EQ(droplet.state, model::DropletState::staged);
  EXPECT_EQ(droplet.image, machine_.image_of(Digest::of("files")));
  EXPECT_EQ(droplet.process_types.at("web"), "run it");
  ASSERT_EQ(script_.built.size(), 1u);
  const auto& spec = script_.built.front();
  EXPECT_EQ(spec.package, Digest::of("files"));
  EXPECT_EQ(spec.app_name, "shop");
  EXPECT_THAT(spec.buildpacks, ElementsAre("node"));
  EXPECT_THAT(spec.env, Contains(std::pair<std::string, std::string>("NODE_ENV", "test")));
  EXPECT_EQ(spec.memory_mb, 700);
  EXPECT_FALSE(spec.previous_image);
}

TEST_F(BuilderTest, OffersTheLayersOfTheLastDropletToTheNextBuild) {
  const auto app = make_app("shop");
  ended(push(app, "first"));
  ended(push(app, "second"));
  ASSERT_EQ(script_.built.size(), 2u);
  EXPECT_EQ(script_.built.back().previous_image, machine_.image_of(Digest::of("first")));
}

TEST_F(BuilderTest, RunsTwoAtOnceAndTheOldestFirst) {
  script_.build_takes = 30s;
  const auto app = make_app("shop");
  std::vector<BuildGuid> asked;
  for (const char* files : {"a", "b", "c", "d"}) {
    asked.push_back(push(app, files).guid);
    pass(10ms);
  }
  pass(20s);
  ASSERT_EQ(script_.built.size(), 2u);
  EXPECT_EQ(row(asked[2]).step, BuildStep::queued);
  for (const auto& guid : asked) ended(row(guid));
  std::vector<BuildGuid> order;
  for (const auto& spec : script_.built) order.push_back(spec.guid);
  EXPECT_TRUE((order[0] == asked[0] && order[1] == asked[1]) ||
              (order[0] == asked[1] && order[1] == asked[0]));
  EXPECT_EQ(order.size(), 4u);
}

TEST_F(BuilderTest, IsResumedAfterARestartOfTheServerAndMakesOneDroplet) {
  const auto app = make_app("shop");
  for (const std::uint64_t cut : {1, 5, 10, 20, 30, 40, 50, 60, 80, 100, 120}) {
    const auto before = droplets().size();
    const auto build = push(app, "files " + std::to_string(cut));
    take_steps(cut);
    reboot();
    EXPECT_EQ(ended(build).state, BuildState::staged) << "cut after " << cut << " steps";
    EXPECT_EQ(droplets().size(), before + 1) << "cut after " << cut << " steps";
  }
}

TEST_F(BuilderTest, OfWhichThePackageWasTakenAwayMeanwhileFailsAndSaysWhatToDo) {
  script_.build_takes = 10s;
  const auto app = make_app("shop");
  const auto build = push(app);
  pass(5s);
  crash();
  store::MemoryStore disk(disk_);
  disk.write([&](store::Writer& tx) { tx.erase(build.package); });
  disk_ = disk.snapshot();
  boot();
  const auto failed = ended(build);
  EXPECT_EQ(failed.state, BuildState::failed);
  EXPECT_EQ(failed.error, "the package of this build is gone: push again");
  EXPECT_THAT(log_of(app),
              Contains("STG/0 Build failed: the package of this build is gone: push again"));
  EXPECT_TRUE(droplets().empty());
}

TEST_F(BuilderTest, PastItsLimitSaysHowLongThatIs) {
  script_.build_takes = 24h;
  const auto build = push(make_app("shop"));
  const Time began = loop_.now();
  const auto failed = ended(build);
  EXPECT_EQ(failed.state, BuildState::failed);
  EXPECT_EQ(failed.error, "the build took longer than 15 minutes");
  EXPECT_GE(loop_.now() - began, 15min);
  EXPECT_LT(loop_.now() - began, 16min);
}

TEST_F(BuilderTest, WhoseEngineDoesNotAnswerInTimeIsNotToldThatItTookFifteenMinutes) {
  script_.build_refused = Error(Code::timeout, "start a sandbox: no answer within 60 s");
  const auto failed = ended(push(make_app("shop")));
  EXPECT_EQ(failed.state, BuildState::failed);
  EXPECT_EQ(failed.error, "start a sandbox: no answer within 60 s");
}

TEST_F(BuilderTest, WithoutRoomOnTheDiskFailsWithTheWordThatClientsKnow) {
  script_.build_refused = Error(Code::no_space, "no room for the build's disk of 4096 MB");
  const auto failed = ended(push(make_app("shop")));
  EXPECT_EQ(failed.state, BuildState::failed);
  EXPECT_THAT(failed.error, Eq("InsufficientResources - no room for the build's disk of 4096 MB"));
}

TEST_F(BuilderTest, ThatFailsByItselfSaysWhyInItsRowAndInTheLog) {
  script_.build_refused = Error(Code::unprocessable, "no buildpack detected the app");
  const auto app = make_app("shop");
  const auto failed = ended(push(app));
  EXPECT_EQ(failed.error, "no buildpack detected the app");
  EXPECT_THAT(log_of(app), Contains("STG/0 Build failed: no buildpack detected the app"));
  EXPECT_EQ(script_.built.size(), 1u) << "what the user must mend is not tried again";
}

TEST_F(BuilderTest, WaitsForAnEngineThatIsAway) {
  script_.build_refused = Error(Code::unavailable, "the host is away");
  const auto build = push(make_app("shop"));
  pass(1min);
  EXPECT_EQ(row(build.guid).state, BuildState::staging);
  script_.build_refused.reset();
  EXPECT_EQ(ended(build).state, BuildState::staged);
}

TEST_F(BuilderTest, EndsAtOnceWhenItsRowSaysSo) {
  script_.build_takes = 10min;
  const auto build = push(make_app("shop"));
  pass(5s);
  change(build.guid, [](model::Build& changed) {
    changed.state = BuildState::failed;
    changed.error = "cancelled";
  });
  const Time began = loop_.now();
  EXPECT_EQ(ended(build).error, "cancelled");
  EXPECT_LT(loop_.now() - began, 10s);
  EXPECT_TRUE(droplets().empty());
}

TEST_F(BuilderTest, SurvivesAStoreThatForgetsWhetherItWrote) {
  const auto build = push(make_app("shop"));
  for (int n = 0; n < 20 && row(build.guid).step != BuildStep::done; ++n) {
    server_->store.fail_next(n % 2 ? store::MemoryStore::Fault::after_commit
                                   : store::MemoryStore::Fault::before_commit);
    pass(3s);
  }
  server_->store.fail_next(store::MemoryStore::Fault::none);
  EXPECT_EQ(ended(build).state, BuildState::staged);
  EXPECT_EQ(droplets().size(), 1u);
}

TEST_F(BuilderTest, SandboxesOfBuildsThatNobodyKnowsAreRemoved) {
  engine::BuildSpec stray;
  stray.guid = BuildGuid::make(random_);
  machine_.start_build(stray, loop_.now());
  reboot();
  EXPECT_TRUE(until([&] { return machine_.sandboxes().empty(); }, 1min));
}

}  // namespace
}  // namespace nuri::control

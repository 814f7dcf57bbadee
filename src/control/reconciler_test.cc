#include "control/reconciler.h"

#include "control/test_control.h"
#include "plan/backoff.h"

namespace nuri::control {
namespace {

using engine::Behaviour;
using model::DeploymentReason;
using model::DeploymentState;
using model::ExitReason;
using model::InstanceState;
using testing::Contains;
using testing::HasSubstr;

class ReconcilerTest : public ControlTest {
 protected:
  model::Instance only(const model::App& app) {
    const auto rows = instances_of(app);
    EXPECT_EQ(rows.size(), 1u);
    return rows.front();
  }
  bool is(const model::App& app, InstanceState state) {
    const auto rows = instances_of(app);
    return rows.size() == 1 && rows.front().state == state;
  }
  void kill(const model::Instance& instance) { machine_.kill(instance.guid, loop_.now()); }
  bool is_over(const model::Deployment& deployment) {
    return row(deployment.guid).state == DeploymentState::finalized;
  }
  std::size_t living() const {
    return static_cast<std::size_t>(std::ranges::count_if(
        machine_.sandboxes(), [](const auto& entry) { return !entry.second.exit; }));
  }
  // An app whose image behaves so from the first start.
  model::App app_that(Behaviour behaviour, model::Deployment* deployment = nullptr) {
    const auto app = make_app("shop");
    machine_.behave(Digest::of("image"), behaviour);
    const auto made = deploy(app, make_droplet(app, Digest::of("image")));
    if (deployment) *deployment = made;
    return app;
  }
};

TEST_F(ReconcilerTest, AStartedAppServes) {
  const auto app = serving_app("shop", 3);
  EXPECT_EQ(living(), 3u);
  EXPECT_EQ(machine_.doubles(), "");
  EXPECT_TRUE(row(app.guid).current_deployment);
  EXPECT_TRUE(crashes().empty());
  pass(1s);
  EXPECT_THAT(log_of(app), Contains("API/0 Deployed: the new instances serve."));
}

TEST_F(ReconcilerTest, ManyInstancesAreStartedAFewAtATime) {
  script_.start_takes = 100ms;
  const auto app = serving_app("shop", 50);
  EXPECT_EQ(living(), 50u);
  EXPECT_GT(script_.most_at_once, 1);
  EXPECT_LE(script_.most_at_once, 8);
  EXPECT_TRUE(crashes().empty());
}

TEST_F(ReconcilerTest, ACrashIsReplacedAfterItsBackOff) {
  const auto app = serving_app("shop");
  const auto before = only(app);
  kill(before);
  ASSERT_TRUE(until([&] { return is(app, InstanceState::crashed); }, 2s));
  const auto crashed = only(app);
  EXPECT_EQ(crashed.exit.reason, ExitReason::signaled);
  EXPECT_EQ(crashed.crash_count, 1);
  EXPECT_FALSE(crashed.routable);
  EXPECT_EQ(*crashed.next_start_at - crashed.since, 1s);
  const auto starts = script_.started.size();
  ASSERT_TRUE(until([&] { return script_.started.size() > starts; }, 10s));
  EXPECT_GE(loop_.wall(), *crashed.next_start_at);
  ASSERT_TRUE(until([&] { return serving(app) == 1; }, 10s));
  EXPECT_NE(only(app).guid, before.guid);
  EXPECT_EQ(only(app).crash_count, 1);
  EXPECT_THAT(log_of(app), Contains("API/0 Instance 0 crashed: " + model::describe(crashed.exit) +
                                    ". Trying again in 1 s."));
}

TEST_F(ReconcilerTest, ACrashIsOneAuditEventOfTheAppItsSpaceAndItsOrg) {
  const auto app = serving_app("shop");
  kill(only(app));
  ASSERT_TRUE(until([&] { return is(app, InstanceState::crashed); }, 2s));
  ASSERT_TRUE(until([&] { return serving(app) == 1; }, 10s));
  pass(10min);
  const auto events = crashes();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].target_guid, app.guid.str());
  EXPECT_EQ(events[0].space_guid, space_.guid.str());
  EXPECT_EQ(events[0].org_guid, org_.guid.str());
}

TEST_F(ReconcilerTest, ACrashIsOneAuditEventWhereverTheServerDied) {
  const auto app = serving_app("shop");
  std::size_t seen = 0;
  for (std::uint64_t cut = 0; cut < 120; cut += 3) {
    kill(only(app));
    take_steps(cut);
    reboot();
    ASSERT_TRUE(until([&] { return serving(app) == 1 && crashes().size() > seen; }, 10min))
        << "cut after " << cut << " steps";
    pass(6min);  // of health: the next crash is the first again
    ASSERT_EQ(crashes().size(), ++seen) << "cut after " << cut << " steps";
    ASSERT_EQ(machine_.doubles(), "");
  }
}

TEST_F(ReconcilerTest, ACrashThatIsNotKnownToBeWrittenIsOneAuditEvent) {
  const auto app = serving_app("shop");
  kill(only(app));
  server_->store.fail_next(store::MemoryStore::Fault::after_commit);
  ASSERT_TRUE(until([&] { return serving(app) == 1 && !crashes().empty(); }, 1min));
  EXPECT_EQ(crashes().size(), 1u);
}

TEST_F(ReconcilerTest, AnAppThatKeepsCrashingIsTriedEverMoreSeldomAndForgivenAfterAHealthySpell) {
  const auto app = serving_app("shop");
  const Digest image = Digest::of("image of shop");
  machine_.behave(image, Behaviour::exits_at_once);
  kill(only(app));
  for (int crash = 1; crash <= 10; ++crash) {
    ASSERT_TRUE(until([&] {
      return is(app, InstanceState::crashed) && only(app).crash_count == crash;
    })) << crash;
    EXPECT_EQ(*only(app).next_start_at - only(app).since, plan::backoff(crash));
  }
  machine_.behave(image, Behaviour::healthy);
  ASSERT_TRUE(until([&] { return serving(app) == 1; }));
  pass(plan::kHealthySpell);
  kill(only(app));
  ASSERT_TRUE(until([&] { return is(app, InstanceState::crashed); }, 5s));
  EXPECT_EQ(only(app).crash_count, 1);
  EXPECT_EQ(crashes().size(), 11u);
}

TEST_F(ReconcilerTest, AnInstanceThatGetsSickIsReplaced) {
  const auto app = serving_app("shop");
  const auto before = only(app);
  script_.sick.insert(before.guid);
  ASSERT_TRUE(until([&] { return is(app, InstanceState::crashed); }, 1min));
  EXPECT_EQ(only(app).exit.reason, ExitReason::unhealthy);
  EXPECT_THAT(only(app).exit.message, HasSubstr("HTTP status 500"));
  ASSERT_TRUE(until([&] { return serving(app) == 1; }, 1min));
  EXPECT_FALSE(machine_.sandboxes().contains(before.guid));
}

TEST_F(ReconcilerTest, ANewVersionServesBeforeTheOldOneIsStoppedAndTheRouterLetsGoFirst) {
  router_.longest_request = 3s;
  const auto app = serving_app("shop", 2);
  const auto old = instances_of(app);
  const auto next = deploy(app, make_droplet(app, Digest::of("next")));
  bool gap = false;
  ASSERT_TRUE(until([&] {
    gap |= router_.entry("shop.localhost")->upstreams.size() < 2;
    return instances_of(app).size() == 2 && is_over(next);
  }));
  EXPECT_FALSE(gap);
  EXPECT_EQ(row(next.guid).reason, DeploymentReason::deployed);
  EXPECT_EQ(serving(app), 2u);
  EXPECT_EQ(script_.stopped.size(), 2u);
  EXPECT_FALSE(script_.stopped_while_routed);
  for (const auto& gone : old) EXPECT_FALSE(machine_.sandboxes().contains(gone.guid));
}

TEST_F(ReconcilerTest, AnInstanceThatDrainsIsOutOfTheTableUntilItsLastRequestIsAnswered) {
  router_.longest_request = 4s;
  const auto app = serving_app("shop");
  const auto instance = only(app);
  stop(app);
  ASSERT_TRUE(until([&] { return !router_.sends_to(instance.guid.str()); }, 1s));
  const Time out = loop_.now();
  EXPECT_TRUE(script_.stopped.empty());
  ASSERT_TRUE(until([&] { return !script_.stopped.empty(); }, 10s));
  EXPECT_GE(loop_.now() - out, 4s - 10ms);
  EXPECT_TRUE(until([&] { return instances_of(app).empty(); }, 20s));
}

TEST_F(ReconcilerTest, ARouterThatIsAwayDelaysAStopButDoesNotPreventIt) {
  const auto app = serving_app("shop");
  router_.reachable = false;
  stop(app);
  EXPECT_TRUE(until([&] { return instances_of(app).empty() && living() == 0; }, 1min));
}

TEST_F(ReconcilerTest, AVersionThatFailsLeavesTheOldOneServing) {
  const auto app = serving_app("shop");
  const auto before = only(app);
  const auto droplet = row(app.guid).current_droplet;
  machine_.behave(Digest::of("bad"), Behaviour::exits_at_once);
  const auto bad = deploy(app, make_droplet(app, Digest::of("bad")));
  ASSERT_TRUE(until([&] {
    EXPECT_TRUE(router_.sends_to(before.guid.str()));
    return HasFailure() || is_over(bad);
  }));
  EXPECT_EQ(row(bad.guid).reason, DeploymentReason::failed);
  EXPECT_EQ(row(bad.guid).error, "instance 0: Exited with status 1");
  ASSERT_TRUE(until([&] { return instances_of(app).size() == 1; }));
  EXPECT_EQ(only(app), before) << "untouched";
  EXPECT_EQ(row(app.guid).current_droplet, droplet) << "what the next start runs";
  EXPECT_EQ(living(), 1u);
  EXPECT_THAT(log_of(app), Contains("API/0 Deployment failed: instance 0: Exited with status 1"));
}

TEST_F(ReconcilerTest, AnAppThatNeverListensFailsAtItsStartUpLimit) {
  model::Deployment deployment;
  const Time began = loop_.now();
  const auto app = app_that(Behaviour::never_listens, &deployment);
  ASSERT_TRUE(until([&] { return is_over(deployment); }, 5min));
  EXPECT_GE(loop_.now() - began, std::chrono::seconds(model::kDefaultHealthTimeoutS));
  EXPECT_LT(loop_.now() - began, std::chrono::seconds(model::kDefaultHealthTimeoutS + 5));
  EXPECT_EQ(row(deployment.guid).reason, DeploymentReason::failed);
  EXPECT_THAT(row(deployment.guid).error, HasSubstr("nothing listens"));
  EXPECT_EQ(serving(app), 0u);
}

TEST_F(ReconcilerTest, WhatTheEngineRefusesIsToldToTheDeveloper) {
  script_.start_refused = Error(Code::no_space, "no room for a disk of 1024 MB");
  model::Deployment deployment;
  const auto app = app_that(Behaviour::healthy, &deployment);
  ASSERT_TRUE(until([&] { return is_over(deployment); }, 5min));
  EXPECT_EQ(row(deployment.guid).reason, DeploymentReason::failed);
  EXPECT_THAT(row(deployment.guid).error, HasSubstr("no room for a disk of 1024 MB"));
  EXPECT_EQ(script_.started.size(), 3u);
}

TEST_F(ReconcilerTest, AnEngineThatIsAwayIsNoCrashOfTheApp) {
  script_.start_refused = Error(Code::unavailable, "the host is away");
  const auto app = app_that(Behaviour::healthy);
  pass(2min);
  EXPECT_TRUE(is(app, InstanceState::starting));
  EXPECT_TRUE(crashes().empty());
  script_.start_refused.reset();
  EXPECT_TRUE(until([&] { return serving(app) == 1; }, 1min));
}

TEST_F(ReconcilerTest, AStopEndsAStartThatIsUnderWay) {
  machine_.faults.slowest_call = 10ms;
  const auto app = app_that(Behaviour::slow_start);
  ASSERT_TRUE(until([&] { return living() == 1; }, 5s));
  pass(1s);
  stop(app);
  const Time asked = loop_.now();
  bool routed = false;
  ASSERT_TRUE(until([&] {
    for (const auto& entry : router_.table) routed |= !entry.upstreams.empty();
    return instances_of(app).empty();
  }));
  EXPECT_LT(loop_.now() - asked, 12s) << "the grace, not the start-up limit";
  EXPECT_FALSE(routed);
  EXPECT_TRUE(machine_.sandboxes().empty());
  EXPECT_TRUE(crashes().empty());
}

TEST_F(ReconcilerTest, AStopThatComesBeforeTheSandboxLeavesNothing) {
  script_.start_takes = 20s;  // layers are fetched
  const auto app = app_that(Behaviour::healthy);
  ASSERT_TRUE(until([&] { return !script_.started.empty(); }, 5s));
  stop(app);
  ASSERT_TRUE(until([&] { return instances_of(app).empty(); }, 1min));
  pass(1min);
  EXPECT_TRUE(machine_.sandboxes().empty());
  EXPECT_EQ(script_.started.size(), 1u);
}

TEST_F(ReconcilerTest, ScalingKeepsTheFirstInstances) {
  const auto app = serving_app("shop");
  const auto first = only(app);
  const auto scale = [&](int instances) {
    change(web_of(app).guid, [=](model::Process& row) { row.instances = instances; });
    const auto wanted = static_cast<std::size_t>(instances);
    return until([&] {
      return serving(app) == wanted && living() == wanted && instances_of(app).size() == wanted;
    });
  };
  ASSERT_TRUE(scale(4));
  ASSERT_TRUE(scale(1));
  EXPECT_EQ(only(app).guid, first.guid);
  ASSERT_TRUE(scale(0));
}

TEST_F(ReconcilerTest, ARestartedServerFindsWhatRunsAndDisturbsNothing) {
  const auto app = serving_app("shop", 2);
  const auto before = instances_of(app);
  crash();
  pass(5min);
  boot();
  bool gap = false;
  EXPECT_FALSE(until(
      [&] {
        gap |= router_.entry("shop.localhost")->upstreams.size() < 2;
        return gap;
      },
      5min));
  EXPECT_EQ(instances_of(app), before);
  EXPECT_EQ(machine_.starts, 2u);
  EXPECT_TRUE(script_.stopped.empty());
}

TEST_F(ReconcilerTest, SandboxesThatNoRowKnowsAreRemoved) {
  const auto app = serving_app("shop");
  engine::InstanceSpec stray;
  stray.guid = InstanceGuid::make(random_);
  stray.app = app.guid;
  stray.index = 7;
  machine_.start(stray, loop_.now());
  stray.guid = InstanceGuid::make(random_);
  stray.app = AppGuid::make(random_);
  machine_.start(stray, loop_.now());
  EXPECT_TRUE(until([&] { return machine_.sandboxes().size() == 1; }, 1min));
  EXPECT_EQ(serving(app), 1u);
}

TEST_F(ReconcilerTest, AnInstanceWhoseDropletIsGoneSaysWhatToDo) {
  const auto app = serving_app("shop");
  crash();
  store::MemoryStore disk(disk_);
  disk.write([](store::Writer& tx) { tx.erase_all(store::Query<model::Droplet>()); });
  disk_ = disk.snapshot();
  machine_.remove(machine_.sandboxes().begin()->first);
  boot();
  ASSERT_TRUE(until([&] {
    const auto rows = instances_of(app);
    return rows.size() == 1 && rows.front().exit.reason == ExitReason::start_failed;
  }));
  EXPECT_THAT(only(app).exit.message, HasSubstr("push the app again"));
}

TEST_F(ReconcilerTest, AStoreThatFailsNowAndThenOnlyTakesLonger) {
  const auto app = make_app("shop", 2);
  deploy(app, make_droplet(app, Digest::of("image")));
  using Fault = store::MemoryStore::Fault;
  for (int n = 0; n < 30; ++n) {
    server_->store.fail_next(n % 3 == 0   ? Fault::before_commit
                             : n % 3 == 1 ? Fault::after_commit
                                          : Fault::read);
    pass(700ms);
    ASSERT_EQ(machine_.doubles(), "");
  }
  server_->store.fail_next(Fault::none);
  EXPECT_TRUE(until([&] { return serving(app) == 2; }, 1min));
  EXPECT_EQ(living(), 2u);
}

}  // namespace
}  // namespace nuri::control

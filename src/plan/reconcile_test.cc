// Properties of reconcile(), over seeded worlds: an app, its rows and sandboxes, changed at random
// by its user, by plans that are carried out, and by things that go wrong.

#include "plan/reconcile.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <tuple>

#include "plan/backoff.h"

namespace nuri::plan {
namespace {

using model::AppState;
using model::Deployment;
using model::DeploymentReason;
using model::DeploymentState;
using model::Instance;
using model::InstanceDesire;
using model::InstanceExit;
using model::InstanceState;
using model::Strategy;
using Health = Verdict::Health;

using Slot = std::tuple<DeploymentGuid, ProcessGuid, int>;

Slot slot_of(const Instance& i) { return {i.deployment, i.process, i.index}; }

class Playground {
 public:
  explicit Playground(std::uint64_t seed) : random(seed) {
    view.app.guid = AppGuid::make(random);
    world.now = {1'000'000'000'000'000};
    add_process("web", 1 + roll(3));
  }

  int roll(std::uint64_t bound) { return static_cast<int>(random.below(bound)); }

  void add_process(std::string type, int instances) {
    model::Process process;
    process.guid = ProcessGuid::make(random);
    process.app = view.app.guid;
    process.type = std::move(type);
    process.instances = instances;
    view.processes.push_back(process);
  }

  DeploymentGuid deploy(Strategy strategy) {
    view.app.state = AppState::started;
    Deployment d;
    d.guid = DeploymentGuid::make(random);
    d.app = view.app.guid;
    d.strategy = strategy;
    d.droplet = view.app.current_droplet = DropletGuid::make(random);
    d.created_at = world.now;
    view.deployments.push_back(d);
    return d.guid;
  }

  AppPlan plan() { return reconcile(view, world, random); }

  // Writes the rows, as the store would; checks what the store does.
  void write(const AppPlan& p) {
    for (const auto& guid : p.erase)
      ASSERT_EQ(std::erase_if(view.instances, [&](const Instance& i) { return i.guid == guid; }),
                1);
    for (const auto& row : p.update) *find(row.guid) = row;
    for (const auto& row : p.insert) view.instances.push_back(row);
    for (const auto& d : p.deployments)
      *std::ranges::find(view.deployments, d.guid, &Deployment::guid) = d;
    if (p.app) view.app = *p.app;
    std::erase_if(view.deployments, [&](const Deployment& d) {
      return d.state != DeploymentState::active && d.guid != view.app.current_deployment;
    });
    std::set<Slot> slots;
    for (const auto& row : view.instances)
      ASSERT_TRUE(slots.insert(slot_of(row)).second) << "two rows in one slot";
    for (const auto& guid : p.erase) {
      world.health.erase(guid);
      world.refused.erase(guid);
      world.removed.erase(guid);
    }
  }

  Instance* find(const InstanceGuid& guid) {
    const auto it = std::ranges::find(view.instances, guid, &Instance::guid);
    return it == view.instances.end() ? nullptr : &*it;
  }

  void act(const AppPlan& p) {
    for (const auto& guid : p.start) {
      ASSERT_TRUE(find(guid)) << "an action without a row";
      ASSERT_FALSE(world.busy.contains(guid));
      world.sandboxes.emplace(guid, Sighting{});
    }
    for (const auto& guid : p.stop) {
      ASSERT_TRUE(world.sandboxes.contains(guid));
      world.sandboxes[guid].exit = InstanceExit{model::ExitReason::stopped, 0, 15, {}};
    }
    for (const auto& guid : p.remove) {
      world.sandboxes.erase(guid);
      world.removed.insert(guid);
    }
    // What runs, one to a slot.
    std::set<Slot> live;
    for (const auto& [guid, sighting] : world.sandboxes) {
      ASSERT_TRUE(find(guid)) << "a sandbox without a row";
      if (!sighting.exit)
        ASSERT_TRUE(live.insert(slot_of(*find(guid))).second) << "two live in one slot";
    }
  }

  void turn() {
    const AppPlan p = plan();
    write(p);
    act(p);
  }
  void pass(Duration time) { world.now = world.now + time; }
  void make_healthy() {
    for (const auto& [guid, sighting] : world.sandboxes)
      if (!sighting.exit) world.health[guid].health = Health::healthy;
  }
  // Until nothing moves, with everything healthy.
  void settle() {
    for (int n = 0; n < 50; ++n) {
      make_healthy();
      pass(6min);
      turn();
    }
  }

  std::vector<Instance> of(const DeploymentGuid& guid) const {
    std::vector<Instance> out;
    std::ranges::copy_if(view.instances, std::back_inserter(out),
                         [&](const Instance& i) { return i.deployment == guid; });
    return out;
  }
  std::size_t routable() const {
    return static_cast<std::size_t>(std::ranges::count(view.instances, true, &Instance::routable));
  }
  const Deployment& deployment(const DeploymentGuid& guid) const {
    return *std::ranges::find(view.deployments, guid, &Deployment::guid);
  }

  SeededRandom random;
  AppView view;
  World world;
};

void something_happens(Playground& p) {
  switch (p.roll(11)) {
    case 0:
      p.deploy(p.roll(3) == 0 ? Strategy::recreate : Strategy::rolling);
      break;
    case 1:
      p.view.app.state = p.roll(2) == 0 ? AppState::stopped : AppState::started;
      break;
    case 2:
      p.view.processes[static_cast<std::size_t>(p.roll(p.view.processes.size()))].instances =
          p.roll(4);
      break;
    case 3:
      for (auto& [guid, sighting] : p.world.sandboxes)
        if (p.roll(2) == 0) sighting.exit = InstanceExit{model::ExitReason::exited, 1, 0, {}};
      break;
    case 4:
      std::erase_if(p.world.sandboxes, [&](const auto&) { return p.roll(3) == 0; });
      break;
    case 5:
      for (const auto& row : p.view.instances)
        if (p.roll(2) == 0) p.world.health[row.guid].health = Health::unhealthy;
      break;
    case 6:
      for (const auto& row : p.view.instances)
        if (row.state == InstanceState::starting && !p.world.sandboxes.contains(row.guid))
          p.world.refused[row.guid] = {model::ExitReason::start_failed, 0, 0, "no room"};
      break;
    case 7:
      p.world.busy.clear();
      for (const auto& row : p.view.instances)
        if (p.roll(2) == 0) p.world.busy.insert(row.guid);
      break;
    case 8:
      if (!p.view.deployments.empty())
        p.view.deployments.back().reason = DeploymentReason::canceling;
      break;
    case 9:
      // A new server remembers nothing of this.
      p.world.removed.clear();
      p.world.refused.clear();
      p.world.health.clear();
      break;
    default:
      p.make_healthy();
  }
  p.pass(std::chrono::milliseconds(p.roll(70'000)));
}

TEST(Reconcile, HoldsItsPropertiesInEveryWorld) {
  for (std::uint64_t seed = 1; seed <= 3000 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Playground p(seed);
    if (p.roll(2) == 0) p.add_process("worker", p.roll(3));
    p.deploy(Strategy::recreate);
    for (int n = 0; n < 40 && !testing::Test::HasFailure(); ++n) {
      something_happens(p);
      const AppPlan first = p.plan();
      for (const auto* some : {&first.start, &first.stop, &first.remove})
        for (const auto& guid : *some)
          ASSERT_FALSE(p.world.busy.contains(guid)) << "an action beside another";
      p.write(first);
      const AppPlan again = p.plan();
      ASSERT_FALSE(again.writes()) << "a plan that is written is planned again";
      ASSERT_EQ(again.start, first.start);
      ASSERT_EQ(again.stop, first.stop);
      ASSERT_EQ(again.remove, first.remove);
      if (p.roll(4) > 0) p.act(first);
      for (const auto& row : p.view.instances) {
        if (row.routable) ASSERT_EQ(row.deployment, p.view.app.current_deployment);
        if (row.routable) ASSERT_EQ(row.state, InstanceState::running);
      }
    }
    p.world.busy.clear();
    p.world.refused.clear();
    p.settle();
    std::size_t wanted = 0;
    if (p.view.app.state == AppState::started && p.view.app.current_deployment)
      for (const auto& process : p.view.processes)
        wanted += static_cast<std::size_t>(process.instances);
    ASSERT_EQ(p.view.instances.size(), wanted);
    ASSERT_EQ(p.routable(), wanted);
    ASSERT_EQ(p.world.sandboxes.size(), wanted);
    ASSERT_FALSE(p.plan().writes());
  }
}

Playground serving(int instances) {
  Playground p(7);
  p.view.processes.front().instances = instances;
  p.deploy(Strategy::recreate);
  p.settle();
  return p;
}

TEST(Reconcile, KeepsTheOldVersionUntilTheNewOneIsHealthy) {
  Playground p = serving(2);
  const auto old = p.view.app.current_deployment;
  const auto next = p.deploy(Strategy::rolling);
  p.turn();
  p.turn();
  EXPECT_EQ(p.of(next).size(), 2u);
  EXPECT_EQ(p.view.app.current_deployment, old);
  EXPECT_EQ(p.routable(), 2u);
  p.make_healthy();
  const AppPlan p_switch = p.plan();
  p.write(p_switch);
  EXPECT_EQ(p.view.app.current_deployment, next);
  EXPECT_EQ(p.routable(), 2u);
  EXPECT_EQ(p_switch.stop.size(), 2u);
  EXPECT_EQ(p.deployment(next).reason, DeploymentReason::deployed);
}

TEST(Reconcile, RollsBackToTheOldVersionAndItsDroplet) {
  Playground p = serving(2);
  const auto old = p.view.app.current_deployment;
  const auto droplet = p.view.app.current_droplet;
  const auto next = p.deploy(Strategy::rolling);
  for (int n = 0; n < 20; ++n) {
    p.turn();
    for (const auto& row : p.of(next))
      if (p.world.sandboxes.contains(row.guid))
        p.world.sandboxes[row.guid].exit = InstanceExit{model::ExitReason::exited, 3, 0, {}};
    p.pass(10s);
    EXPECT_EQ(p.routable(), 2u);
  }
  EXPECT_EQ(p.view.app.current_deployment, old);
  EXPECT_EQ(p.view.app.current_droplet, droplet);
  EXPECT_TRUE(p.of(next).empty());
  EXPECT_EQ(p.of(old).size(), 2u);
}

TEST(Reconcile, AStopStopsAllAndEndsWhatRollsOut) {
  Playground p = serving(3);
  const auto next = p.deploy(Strategy::rolling);
  p.turn();
  p.view.app.state = AppState::stopped;
  const AppPlan stop = p.plan();
  ASSERT_EQ(stop.deployments.size(), 1u);
  EXPECT_EQ(stop.deployments.front().guid, next);
  EXPECT_EQ(stop.deployments.front().reason, DeploymentReason::canceled);
  EXPECT_EQ(stop.stop.size(), 6u);
  p.settle();
  EXPECT_TRUE(p.view.instances.empty());
  EXPECT_TRUE(p.world.sandboxes.empty());
}

TEST(Reconcile, ScalesUpAndDown) {
  Playground p = serving(1);
  p.view.processes.front().instances = 3;
  p.settle();
  EXPECT_EQ(p.routable(), 3u);
  p.view.processes.front().instances = 1;
  const AppPlan down = p.plan();
  EXPECT_EQ(down.stop.size(), 2u);
  p.write(down);
  EXPECT_EQ(p.routable(), 1u);
  // Up again while the old ones stop: their places are not free yet.
  p.view.processes.front().instances = 3;
  EXPECT_TRUE(p.plan().insert.empty());
  p.settle();
  EXPECT_EQ(p.routable(), 3u);
}

TEST(Reconcile, RecreateWaitsUntilTheOldOnesAreGone) {
  Playground p = serving(2);
  const auto next = p.deploy(Strategy::recreate);
  const AppPlan first = p.plan();
  EXPECT_EQ(first.stop.size(), 2u);
  EXPECT_TRUE(first.insert.empty());
  p.write(first);
  p.act(first);  // they have ended, their sandboxes are not removed yet
  EXPECT_TRUE(p.plan().insert.empty());
  p.turn();
  EXPECT_EQ(p.plan().insert.size(), 2u);
  p.settle();
  EXPECT_EQ(p.view.app.current_deployment, next);
}

TEST(Reconcile, RecreateOfNoInstancesWaitsToo) {
  Playground p = serving(2);
  p.view.processes.front().instances = 0;
  const auto next = p.deploy(Strategy::recreate);
  p.write(p.plan());
  ASSERT_EQ(p.deployment(next).state, DeploymentState::active);
  // Nothing starts beside those that still stop.
  p.view.processes.front().instances = 1;
  EXPECT_TRUE(p.plan().insert.empty());
  p.settle();
  EXPECT_EQ(p.view.app.current_deployment, next);
  EXPECT_EQ(p.routable(), 1u);
}

TEST(Reconcile, WaitsLongerWithEachCrashAndStartsOverAfterAHealthySpell) {
  Playground p = serving(1);
  p.pass(1h);
  const Duration expected[] = {1s, 2s, 4s, 8s, 16s, 32s, 64s, 128s, 256s, 300s, 300s};
  for (const Duration wait : expected) {
    ASSERT_EQ(p.world.sandboxes.size(), 1u);
    p.world.sandboxes.begin()->second.exit = InstanceExit{model::ExitReason::exited, 1, 0, {}};
    p.turn();
    const Instance crashed = p.view.instances.front();
    ASSERT_EQ(crashed.state, InstanceState::crashed);
    ASSERT_EQ(*crashed.next_start_at - p.world.now, wait);
    p.pass(wait - 1ns);
    const AppPlan early = p.plan();
    ASSERT_TRUE(early.insert.empty());
    ASSERT_EQ(early.next_look, crashed.next_start_at);
    p.pass(1ns);
    p.turn();
    p.make_healthy();
    p.turn();
    ASSERT_EQ(p.routable(), 1u);
    p.pass(kHealthySpell - 1s);
  }
  p.pass(1s);
  p.world.sandboxes.begin()->second.exit = InstanceExit{model::ExitReason::exited, 1, 0, {}};
  p.turn();
  EXPECT_EQ(*p.view.instances.front().next_start_at - p.world.now, kFirstBackoff);
}

TEST(Reconcile, WhatVanishedWithItsMachineIsStartedAtOnceAndNotCountedAsACrash) {
  Playground p = serving(2);
  p.world.sandboxes.begin()->second.exit = InstanceExit{model::ExitReason::exited, 1, 0, {}};
  p.turn();
  p.settle();
  const auto crashes = [&] {
    int sum = 0;
    for (const auto& row : p.view.instances) sum += row.crash_count;
    return sum;
  };
  const int before = crashes();
  p.world.sandboxes.clear();
  p.world.health.clear();
  p.turn();
  for (const auto& row : p.view.instances) {
    EXPECT_EQ(row.state, InstanceState::crashed);
    EXPECT_EQ(row.exit.reason, model::ExitReason::vanished);
  }
  EXPECT_EQ(p.routable(), 0u);
  p.turn();
  p.make_healthy();
  p.turn();
  EXPECT_EQ(p.routable(), 2u) << "without a back-off";
  EXPECT_EQ(crashes(), before);
}

TEST(Reconcile, AnInstanceThatIsNotHealthyInTimeFailsItsDeployment) {
  Playground p = serving(1);
  const auto next = p.deploy(Strategy::rolling);
  p.turn();
  p.turn();
  const AppPlan waiting = p.plan();
  ASSERT_TRUE(waiting.next_look);
  EXPECT_EQ(*waiting.next_look - p.world.now, std::chrono::seconds(model::kDefaultHealthTimeoutS));
  p.pass(std::chrono::seconds(model::kDefaultHealthTimeoutS));
  p.world.health[p.of(next).front().guid].detail = "nothing listens on port 8080";
  const AppPlan failed = p.plan();
  ASSERT_EQ(failed.deployments.size(), 1u);
  EXPECT_EQ(failed.deployments.front().reason, DeploymentReason::failed);
  EXPECT_NE(failed.deployments.front().error.find("nothing listens on port 8080"),
            std::string::npos);
}

TEST(Reconcile, ARowStaysWhileItsStartMayBeOnTheWay) {
  Playground p(3);
  p.deploy(Strategy::recreate);
  p.write(p.plan());  // rows, and the server dies before it hears of their starts
  p.view.app.state = AppState::stopped;
  const AppPlan stop = p.plan();
  EXPECT_TRUE(stop.erase.empty());
  EXPECT_EQ(stop.remove.size(), p.view.instances.size());
  p.write(stop);
  p.act(stop);
  EXPECT_EQ(p.plan().erase.size(), p.view.instances.size());
}

TEST(Reconcile, TheNewestOfTwoDeploymentsIsRolledOut) {
  Playground p = serving(1);
  const auto first = p.deploy(Strategy::rolling);
  p.turn();
  p.pass(1s);
  const auto second = p.deploy(Strategy::rolling);
  const AppPlan plan = p.plan();
  ASSERT_EQ(plan.deployments.size(), 2u);
  EXPECT_EQ(plan.deployments.front().guid, first);
  EXPECT_EQ(plan.deployments.front().reason, DeploymentReason::superseded);
  p.settle();
  EXPECT_EQ(p.view.app.current_deployment, second);
}

}  // namespace
}  // namespace nuri::plan

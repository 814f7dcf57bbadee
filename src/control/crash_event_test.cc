#include "control/crash_event.h"

#include <gtest/gtest.h>

#include "base/json.h"

namespace nuri::control {
namespace {

using model::ExitReason;
using model::Instance;
using model::InstanceState;

class CrashEvents : public testing::Test {
 protected:
  CrashEvents() {
    view_.app.guid = AppGuid::make(random_);
    view_.app.name = "shop";
    view_.app.space = SpaceGuid::make(random_);
    view_.processes.emplace_back().guid = ProcessGuid::make(random_);
  }
  Instance& instance(InstanceState before, InstanceState after) {
    Instance row;
    row.guid = InstanceGuid::make(random_);
    row.process = view_.processes.front().guid;
    row.state = before;
    view_.instances.push_back(row);
    row.state = after;
    return plan_.update.emplace_back(row);
  }
  std::vector<model::Event> events() { return crash_events(plan_, view_, now_, random_); }

  SeededRandom random_{1};
  WallTime now_{1'700'000'000'000'000'000};
  plan::AppView view_;
  plan::AppPlan plan_;
};

TEST_F(CrashEvents, SayWhichInstanceEndedAndHow) {
  Instance& crashed = instance(InstanceState::running, InstanceState::crashed);
  crashed.index = 3;
  crashed.exit = {ExitReason::exited, 17, 0, {}};
  const auto all = events();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].type, "audit.app.process.crash");
  EXPECT_EQ(all[0].actor_type, "process");
  EXPECT_EQ(all[0].actor_guid, crashed.process.str());
  EXPECT_EQ(all[0].actor_name, "web");
  EXPECT_EQ(all[0].target_type, "app");
  EXPECT_EQ(all[0].target_guid, view_.app.guid.str());
  EXPECT_EQ(all[0].target_name, "shop");
  EXPECT_EQ(all[0].space_guid, view_.app.space.str());
  EXPECT_EQ(all[0].created_at, now_);
  const auto data = json::parse_object(all[0].data);
  EXPECT_EQ(json::get_string(data, "instance"), crashed.guid.str());
  EXPECT_EQ(data.at("index"), 3);
  EXPECT_EQ(data.at("exit_status"), 17);
  EXPECT_EQ(json::get_string(data, "exit_description"), model::describe(crashed.exit));
  EXPECT_EQ(data.at("reason"), "CRASHED");
}

TEST_F(CrashEvents, AreOneForEachThatEnds) {
  instance(InstanceState::starting, InstanceState::crashed);
  instance(InstanceState::running, InstanceState::crashed);
  instance(InstanceState::starting, InstanceState::running);
  instance(InstanceState::running, InstanceState::stopping);
  EXPECT_EQ(events().size(), 2u);
}

TEST_F(CrashEvents, AreNotRepeatedWhileItStaysDown) {
  instance(InstanceState::crashed, InstanceState::crashed).crash_count = 2;
  EXPECT_TRUE(events().empty());
}

}  // namespace
}  // namespace nuri::control

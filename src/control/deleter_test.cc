#include "control/deleter.h"

#include "control/test_control.h"

namespace nuri::control {
namespace {

using store::Query;
using testing::Contains;
using testing::IsEmpty;

class DeleterTest : public ControlTest {
 protected:
  model::Job ask(std::string operation, std::string guid) {
    model::Job job;
    job.operation = std::move(operation);
    job.resource_guid = std::move(guid);
    return insert(job);
  }
  model::Job ask_to_delete(const model::App& app) { return ask("app.delete", app.guid.str()); }
  bool is_done(const model::Job& job) { return row(job.guid).state == model::JobState::complete; }

  template <class T>
  std::size_t rows_of(const model::App& app) {
    return all(Query<T>().where(&T::app, app.guid)).size();
  }
  // An app with everything that an app can have.
  model::App full_app(const std::string& name) {
    const auto app = serving_app(name, 2);
    const auto build = make_build(app, make_package(app, name));
    EXPECT_TRUE(until([&] { return row(build.guid).step == model::BuildStep::done; }));
    loop_.run(server_->log.write(app.guid, "a line"));
    return app;
  }
  void expect_nothing_left(const model::App& app) {
    EXPECT_FALSE(find(app.guid));
    EXPECT_EQ(rows_of<model::Instance>(app), 0u);
    EXPECT_EQ(rows_of<model::Process>(app), 0u);
    EXPECT_EQ(rows_of<model::Package>(app), 0u);
    EXPECT_EQ(rows_of<model::Droplet>(app), 0u);
    EXPECT_EQ(rows_of<model::Build>(app), 0u);
    EXPECT_EQ(rows_of<model::Revision>(app), 0u);
    EXPECT_EQ(rows_of<model::Deployment>(app), 0u);
    EXPECT_EQ(rows_of<model::Destination>(app), 0u);
    for (const auto& [guid, sandbox] : machine_.sandboxes())
      EXPECT_NE(sandbox.spec.app, app.guid) << guid.str();
    EXPECT_EQ(logs_.token(app.guid.str()), telemetry::LogToken{}) << "its log is left";
    EXPECT_THAT(script_.forgotten, Contains(app.guid)) << "its caches are left";
    for (const auto& entry : router_.table)
      EXPECT_TRUE(entry.app != app.guid.str() || entry.upstreams.empty()) << entry.host;
  }
};

TEST_F(DeleterTest, ADeletedAppLeavesNothing) {
  const auto app = full_app("shop");
  const auto job = ask_to_delete(app);
  ASSERT_TRUE(until([&] { return is_done(job); }, 2min));
  pass(1s);
  expect_nothing_left(app);
  EXPECT_FALSE(script_.stopped_while_routed);
}

TEST_F(DeleterTest, OtherAppsGoOn) {
  const auto app = full_app("shop");
  const auto other = full_app("other");
  const auto log = log_of(other);
  const auto job = ask_to_delete(app);
  ASSERT_TRUE(until([&] { return is_done(job); }, 2min));
  EXPECT_EQ(serving(other), 2u);
  EXPECT_EQ(rows_of<model::Package>(other), 1u);
  EXPECT_EQ(log_of(other), log);
  EXPECT_THAT(script_.forgotten, testing::ElementsAre(app.guid));
}

TEST_F(DeleterTest, ADeletionIsResumedWhereverTheServerDied) {
  int cut_short = 0;
  for (std::uint64_t cut = 1; cut < 400; cut += 13) {
    const auto app = full_app("app-" + std::to_string(cut));
    const auto job = ask_to_delete(app);
    take_steps(cut);
    cut_short += !is_done(job);
    reboot();
    ASSERT_TRUE(until([&] { return is_done(job); }, 5min)) << "cut after " << cut << " steps";
    pass(1s);
    expect_nothing_left(app);
    ASSERT_FALSE(HasFailure()) << "cut after " << cut << " steps";
  }
  EXPECT_GT(cut_short, 10);
}

TEST_F(DeleterTest, ABuildUnderWayEndsFirst) {
  script_.build_takes = 10min;
  const auto app = make_app("shop");
  make_build(app, make_package(app, "files"));
  pass(5s);
  ASSERT_EQ(script_.built.size(), 1u);
  const auto job = ask_to_delete(app);
  ASSERT_TRUE(until([&] { return is_done(job); }, 1min));
  pass(1s);
  expect_nothing_left(app);
}

TEST_F(DeleterTest, AnAppThatIsBeingRolledOutGoesToo) {
  const auto app = serving_app("shop");
  machine_.behave(Digest::of("next"), engine::Behaviour::slow_start);
  deploy(app, make_droplet(app, Digest::of("next")));
  pass(2s);
  ASSERT_EQ(machine_.sandboxes().size(), 2u);
  const auto job = ask_to_delete(app);
  ASSERT_TRUE(until([&] { return is_done(job); }, 2min));
  pass(1s);
  expect_nothing_left(app);
  EXPECT_TRUE(machine_.sandboxes().empty());
}

TEST_F(DeleterTest, TwoWhoAskGetTheSame) {
  const auto app = full_app("shop");
  const auto one = ask_to_delete(app);
  const auto two = ask_to_delete(app);
  EXPECT_TRUE(until([&] { return is_done(one) && is_done(two); }, 5min));
  expect_nothing_left(app);
}

TEST_F(DeleterTest, ARouteGoesAndItsAppStays) {
  const auto app = serving_app("shop");
  const auto route = all(Query<model::Route>()).front();
  const auto job = ask("route.delete", route.guid.str());
  ASSERT_TRUE(until([&] { return is_done(job); }, 1min));
  EXPECT_FALSE(find(route.guid));
  EXPECT_EQ(rows_of<model::Destination>(app), 0u);
  EXPECT_TRUE(until([&] { return !router_.entry("shop.localhost"); }, 1min));
  EXPECT_EQ(instances_of(app).size(), 1u);
  EXPECT_TRUE(instances_of(app).front().routable);
}

TEST_F(DeleterTest, AStoreThatFailsIsAskedAgain) {
  const auto app = full_app("shop");
  const auto job = ask_to_delete(app);
  for (int n = 0; n < 10 && !is_done(job); ++n) {
    server_->store.fail_next(n % 2 ? store::MemoryStore::Fault::after_commit
                                   : store::MemoryStore::Fault::before_commit);
    pass(2s);
  }
  server_->store.fail_next(store::MemoryStore::Fault::none);
  ASSERT_TRUE(until([&] { return is_done(job); }, 5min));
  pass(1s);
  expect_nothing_left(app);
}

TEST_F(DeleterTest, LeavesJobsThatAreOthers) {
  const auto job = ask("space.apply_manifest", "x");
  pass(1min);
  EXPECT_EQ(row(job.guid).state, model::JobState::processing);
}

}  // namespace
}  // namespace nuri::control

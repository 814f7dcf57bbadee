#include <gtest/gtest.h>

#include "base/error.h"
#include "plan/backoff.h"
#include "plan/health.h"
#include "plan/release.h"
#include "plan/route_table.h"

namespace nuri::plan {
namespace {

using Health = Verdict::Health;

TEST(Backoff, DoublesFromOneSecondToFiveMinutes) {
  EXPECT_EQ(backoff(0), 1s);
  EXPECT_EQ(backoff(1), 1s);
  EXPECT_EQ(backoff(2), 2s);
  EXPECT_EQ(backoff(9), 256s);
  EXPECT_EQ(backoff(10), 5min);
  EXPECT_EQ(backoff(1'000'000), 5min);
}

TEST(HealthOf, IsUnknownUntilTheFirstSuccess) {
  HealthHistory history;
  for (int n = 0; n < 10; ++n) history = after_probe(history, false, "refused", {3000});
  EXPECT_EQ(history.verdict.health, Health::unknown);
  EXPECT_EQ(history.verdict.detail, "refused");
  EXPECT_EQ(history.verdict.ports, std::vector<int>{3000});
  history = after_probe(history, true, "", {8080});
  EXPECT_EQ(history.verdict.health, Health::healthy);
}

TEST(HealthOf, TakesThreeFailuresInARowToBeUnhealthy) {
  HealthHistory history = after_probe({}, true, "", {});
  for (int round = 0; round < 3; ++round) {
    history = after_probe(history, false, "slow", {});
    history = after_probe(history, false, "slow", {});
    EXPECT_EQ(history.verdict.health, Health::healthy);
    history = after_probe(history, true, "", {});
  }
  for (int n = 0; n < kFailuresToUnhealthy; ++n) history = after_probe(history, false, "slow", {});
  EXPECT_EQ(history.verdict.health, Health::unhealthy);
}

TEST(NextProbe, IsQuickWhileStartingAndAfterAFailure) {
  HealthHistory history;
  for (int n = 0; n < 200; ++n) {
    EXPECT_LE(next_probe(history, 10s), 500ms);
    history = after_probe(history, false, "", {});
  }
  history = after_probe(history, true, "", {});
  EXPECT_EQ(next_probe(history, 10s), 10s);
  history = after_probe(history, false, "", {});
  EXPECT_EQ(next_probe(history, 10s), 1s);
  EXPECT_EQ(next_probe(history, 200ms), 200ms);
}

class ReleaseOf : public testing::Test {
 protected:
  ReleaseOf() {
    app_.guid = AppGuid::make(random_);
    app_.current_droplet = DropletGuid::make(random_);
    processes_.emplace_back();
  }
  Release release(const std::optional<model::Revision>& latest) {
    return plan::release(app_, processes_, latest, {}, now_, random_);
  }

  SeededRandom random_{1};
  WallTime now_{1'700'000'000'000'000'000};
  model::App app_;
  std::vector<model::Process> processes_;
};

TEST_F(ReleaseOf, MakesTheFirstRevision) {
  const Release first = release(std::nullopt);
  ASSERT_TRUE(first.revision);
  EXPECT_EQ(first.revision->version, 1);
  EXPECT_EQ(first.revision->description, "Initial revision.");
  EXPECT_EQ(first.deployment.revision, first.revision->guid);
  EXPECT_EQ(first.deployment.droplet, app_.current_droplet);
  EXPECT_EQ(first.deployment.state, model::DeploymentState::active);
}

TEST_F(ReleaseOf, MakesNoRevisionOfARestartOrAScaling) {
  const Release first = release(std::nullopt);
  processes_.front().instances = 7;
  const Release again = release(first.revision);
  EXPECT_FALSE(again.revision);
  EXPECT_EQ(again.deployment.revision, first.revision->guid);
  EXPECT_NE(again.deployment.guid, first.deployment.guid);
}

TEST_F(ReleaseOf, SaysWhatChanged) {
  const Release first = release(std::nullopt);
  app_.env["A"] = "1";
  const Release second = release(first.revision);
  ASSERT_TRUE(second.revision);
  EXPECT_EQ(second.revision->version, 2);
  EXPECT_EQ(second.revision->description, "New environment variables deployed.");
  const auto old = app_.current_droplet;
  app_.current_droplet = DropletGuid::make(random_);
  processes_.front().memory_mb = 999;
  const Release third = release(second.revision);
  EXPECT_EQ(third.revision->description, "New droplet deployed. New process settings deployed.");
  EXPECT_EQ(third.deployment.previous_droplet, old);
}

TEST_F(ReleaseOf, NeedsADroplet) {
  app_.current_droplet = {};
  try {
    release(std::nullopt);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::unprocessable);
  }
}

class TableOf : public testing::Test {
 protected:
  TableOf() {
    model::Domain domain;
    domain.guid = DomainGuid::make(random_);
    domain.name = "localhost";
    rows_.domains.push_back(domain);
    model::Process process;
    process.guid = ProcessGuid::make(random_);
    process.app = app_;
    rows_.processes.push_back(process);
  }
  model::Route& route(std::string host, std::string path) {
    model::Route row;
    row.guid = RouteGuid::make(random_);
    row.domain = rows_.domains.front().guid;
    row.host = std::move(host);
    row.path = std::move(path);
    rows_.routes.push_back(row);
    model::Destination to;
    to.guid = DestinationGuid::make(random_);
    to.route = row.guid;
    to.app = app_;
    rows_.destinations.push_back(to);
    return rows_.routes.back();
  }
  model::Instance& instance(bool routable) {
    model::Instance row;
    row.guid = InstanceGuid::make(random_);
    row.app = app_;
    row.process = rows_.processes.front().guid;
    row.routable = routable;
    return rows_.instances.emplace_back(row);
  }
  std::vector<model::RouteEntry> table() {
    return route_table(rows_, [](const InstanceGuid& guid, int port) {
      return "to:" + guid.str() + ":" + std::to_string(port);
    });
  }

  SeededRandom random_{1};
  AppGuid app_ = AppGuid::make(random_);
  RouteRows rows_;
};

TEST_F(TableOf, IsSortedByHostAndPath) {
  route("b", "");
  route("a", "/x");
  route("a", "");
  route("", "");
  const auto entries = table();
  ASSERT_EQ(entries.size(), 4u);
  EXPECT_EQ(entries[0].host + entries[0].path, "a.localhost");
  EXPECT_EQ(entries[1].host + entries[1].path, "a.localhost/x");
  EXPECT_EQ(entries[2].host, "b.localhost");
  EXPECT_EQ(entries[3].host, "localhost");
  EXPECT_EQ(entries[0].app, app_.str());
}

TEST_F(TableOf, HasRoutableInstancesOnly) {
  route("a", "");
  instance(false);
  EXPECT_TRUE(table().front().upstreams.empty());
  const auto& one = instance(true);
  const auto entries = table();
  ASSERT_EQ(entries.front().upstreams.size(), 1u);
  EXPECT_EQ(entries.front().upstreams[0].address, "to:" + one.guid.str() + ":0");
}

TEST_F(TableOf, ARoutesOptionsAreItsEntrysSettings) {
  route("a", "").options = R"({"loadbalancing":"least-connection"})";
  route("b", "").options = R"({"https_redirect":"true"})";
  route("c", "");
  const auto entries = table();
  EXPECT_FALSE(entries[0].settings) << "the default is nothing";
  ASSERT_TRUE(entries[1].settings);
  EXPECT_TRUE(entries[1].settings->https_redirect);
  EXPECT_FALSE(entries[2].settings);
}

TEST_F(TableOf, ADomainSendsAllOfItsRoutesToHttps) {
  route("a", "").options = R"({"body_limit":"1K"})";
  route("b", "").options = R"({"https_redirect":false})";
  route("c", "");
  route("d", "");
  rows_.domains.front().https_redirect = true;
  const auto entries = table();
  for (const auto& entry : entries) {
    ASSERT_TRUE(entry.settings) << entry.host;
    EXPECT_TRUE(entry.settings->https_redirect) << entry.host;
  }
  EXPECT_EQ(entries[0].settings->body_limit, 1024U);
  EXPECT_EQ(entries[2].settings, entries[3].settings) << "they share what is the same";
}

TEST_F(TableOf, OptionsThatCannotBeReadCloseTheirRouteOnly) {
  route("a", "").options = R"({"deny":"everybody"})";
  route("b", "");
  const auto entries = table();
  ASSERT_TRUE(entries[0].settings && entries[0].settings->maintenance);
  EXPECT_NE(entries[0].settings->maintenance->text.find("deny"), std::string::npos);
  EXPECT_FALSE(entries[1].settings);
}

TEST_F(TableOf, LeavesOutRoutesWithoutDestinationAndOtherProcesses) {
  route("a", "");
  rows_.destinations.front().process_type = "worker";
  instance(true);
  EXPECT_TRUE(table().front().upstreams.empty());
  rows_.destinations.clear();
  EXPECT_TRUE(table().empty());
}

}  // namespace
}  // namespace nuri::plan

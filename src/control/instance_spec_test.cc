#include "control/instance_spec.h"

#include <gtest/gtest.h>

#include <set>

#include "base/random.h"

namespace nuri::control {
namespace {

class InstanceSpecOf : public testing::Test {
 protected:
  InstanceSpecOf() {
    rows_.org.guid = OrgGuid::make(random_);
    rows_.org.name = "acme";
    rows_.space.guid = SpaceGuid::make(random_);
    rows_.space.name = "dev";
    rows_.app.guid = AppGuid::make(random_);
    rows_.app.name = "shop";
    rows_.process.guid = ProcessGuid::make(random_);
    rows_.process.memory_mb = 100;
    rows_.revision.guid = RevisionGuid::make(random_);
    model::ProcessSettings web;
    web.memory_mb = 128;
    web.disk_mb = 512;
    web.stop_grace_s = 7;
    rows_.revision.processes = {web};
    rows_.droplet.image = Digest::of("image");
    rows_.instance.guid = InstanceGuid::make(random_);
    rows_.instance.deployment = DeploymentGuid::make(random_);
    rows_.instance.index = 2;
    rows_.uris = {"shop.localhost", "localhost/shop"};
  }
  std::string env(std::string_view name) const {
    for (const auto& [key, value] : instance_spec(rows_).env)
      if (key == name) return value;
    return "(not set)";
  }
  json::object vcap() const { return json::parse_object(env("VCAP_APPLICATION")); }

  SeededRandom random_{1};
  SpecRows rows_;
};

TEST_F(InstanceSpecOf, NamesWhatRunsWhere) {
  const auto spec = instance_spec(rows_);
  EXPECT_EQ(spec.guid, rows_.instance.guid);
  EXPECT_EQ(spec.app, rows_.app.guid);
  EXPECT_EQ(spec.deployment, rows_.instance.deployment);
  EXPECT_EQ(spec.index, 2);
  EXPECT_EQ(spec.image, Digest::of("image"));
  EXPECT_EQ(spec.process_type, "web");
  EXPECT_FALSE(spec.command) << "the image's own";
}

TEST_F(InstanceSpecOf, TellsTheAppItsPortAndWhichInstanceItIs) {
  EXPECT_EQ(instance_spec(rows_).port, 8080);
  EXPECT_EQ(env("PORT"), "8080");
  EXPECT_EQ(env("CF_INSTANCE_INDEX"), "2");
  EXPECT_EQ(env("CF_INSTANCE_GUID"), rows_.instance.guid.str());
  EXPECT_EQ(env("CF_INSTANCE_PORT"), "8080");
  EXPECT_EQ(env("CF_INSTANCE_ADDR"), env("CF_INSTANCE_IP") + ":8080");
  const auto ports = json::parse(env("CF_INSTANCE_PORTS"));
  EXPECT_EQ(ports.at(0).at("internal"), 8080);
  EXPECT_EQ(env("MEMORY_LIMIT"), "128m");
  EXPECT_EQ(env("VCAP_SERVICES"), "{}");
}

TEST_F(InstanceSpecOf, VcapApplicationSaysWhoTheAppIs) {
  const auto told = vcap();
  EXPECT_EQ(json::get_string(told, "application_id"), rows_.app.guid.str());
  EXPECT_EQ(told.at("application_name"), "shop");
  EXPECT_EQ(told.at("space_name"), "dev");
  EXPECT_EQ(json::get_string(told, "space_id"), rows_.space.guid.str());
  EXPECT_EQ(told.at("organization_name"), "acme");
  EXPECT_EQ(told.at("instance_index"), 2);
  EXPECT_EQ(json::get_string(told, "instance_id"), rows_.instance.guid.str());
  EXPECT_EQ(told.at("port"), 8080);
  EXPECT_EQ(told.at("limits").at("mem"), 128);
  EXPECT_EQ(told.at("limits").at("disk"), 512);
  EXPECT_EQ(json::serialize(told.at("application_uris")), R"(["shop.localhost","localhost/shop"])");
}

TEST_F(InstanceSpecOf, GivesTheUsersEnvironment) {
  rows_.revision.env = {{"NODE_ENV", "production"}, {"EMPTY", ""}, {"QUOTES", "a \"b\" $c\n"}};
  EXPECT_EQ(env("NODE_ENV"), "production");
  EXPECT_EQ(env("EMPTY"), "");
  EXPECT_EQ(env("QUOTES"), "a \"b\" $c\n");
}

TEST_F(InstanceSpecOf, TakesTheRevisionsEnvironmentAndNotTheAppsLaterOne) {
  rows_.revision.env = {{"VERSION", "deployed"}};
  rows_.app.env = {{"VERSION", "set since"}, {"NEW", "set since"}};
  EXPECT_EQ(env("VERSION"), "deployed");
  EXPECT_EQ(env("NEW"), "(not set)");
}

TEST_F(InstanceSpecOf, LetsNobodyOverrideWhatThePlatformSays) {
  for (const char* name : {"PORT", "VCAP_APPLICATION", "VCAP_SERVICES", "VCAP_APP_PORT",
                           "CF_INSTANCE_INDEX", "CF_INSTANCE_GUID", "CF_INSTANCE_IP",
                           "CF_INSTANCE_ADDR", "CF_INSTANCE_PORTS", "MEMORY_LIMIT"}) {
    rows_.revision.env = {{name, "mine"}};
    EXPECT_NE(env(name), "mine") << name;
    EXPECT_NE(env(name), "(not set)") << name;
  }
}

TEST_F(InstanceSpecOf, SaysEachNameOnce) {
  rows_.revision.env = {{"PORT", "1"}, {"A", "1"}};
  std::set<std::string> names;
  for (const auto& [name, value] : instance_spec(rows_).env)
    EXPECT_TRUE(names.insert(name).second) << name;
}

TEST_F(InstanceSpecOf, HasTheLimitsThatWereDeployed) {
  const auto spec = instance_spec(rows_);
  EXPECT_EQ(spec.memory_mb, 128) << "not the process's 100, which no deployment has rolled out";
  EXPECT_EQ(spec.disk_mb, 512);
  EXPECT_EQ(spec.stop_grace, 7s);
}

TEST_F(InstanceSpecOf, HasTheProcessesLimitsIfTheRevisionDoesNotKnowIt) {
  rows_.process.type = "worker";
  rows_.process.command = "node worker.js";
  const auto spec = instance_spec(rows_);
  EXPECT_EQ(spec.process_type, "worker");
  EXPECT_EQ(spec.command, "node worker.js");
  EXPECT_EQ(spec.memory_mb, 100);
}

}  // namespace
}  // namespace nuri::control

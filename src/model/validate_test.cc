#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include "base/error.h"
#include "base/limits.h"
#include "model/app.h"
#include "model/instance.h"
#include "model/package_files.h"
#include "model/release.h"
#include "model/routing.h"
#include "model/tenancy.h"
#include "model/text.h"

namespace nuri::model {
namespace {

using testing::HasSubstr;

template <class T>
std::string complaint(const T& value) {
  try {
    validate(value);
    return "";
  } catch (const Error& error) {
    return error.message();
  }
}

App named(const std::string& name) {
  App app;
  app.name = name;
  return app;
}

TEST(Validate, NamesAreTextThatCanBeShown) {
  EXPECT_EQ(complaint(named("shop")), "");
  EXPECT_EQ(complaint(named("가게 1")), "");
  EXPECT_EQ(complaint(named("  ")), "Name must not be blank");
  EXPECT_EQ(complaint(named("")), "Name must not be blank");
  EXPECT_THAT(complaint(named(std::string(256, 'a'))), HasSubstr("too long"));
  EXPECT_THAT(complaint(named("a\nb")), HasSubstr("control"));
  EXPECT_THAT(complaint(named("a\x1b[31m")), HasSubstr("control"));
  EXPECT_THAT(complaint(named("a\xff")), HasSubstr("UTF-8"));
  EXPECT_THAT(complaint(named("a\xc2\x9b")), HasSubstr("control"));
}

TEST(Validate, TheEnvironmentLeavesThePlatformsNamesAlone) {
  EXPECT_EQ(complaint(Env{{"A", "1"}, {"spring.datasource.url", "x"}, {"B", "two\nlines"}}), "");
  EXPECT_THAT(complaint(Env{{"PORT", "1"}}), HasSubstr("cannot set PORT"));
  EXPECT_THAT(complaint(Env{{"VCAP_SERVICES", "1"}}), HasSubstr("cannot start with VCAP_"));
  EXPECT_THAT(complaint(Env{{"A=B", "1"}}), HasSubstr("'='"));
  EXPECT_THAT(complaint(Env{{"", "1"}}), HasSubstr("empty"));
  EXPECT_THAT(complaint(Env{{"A", std::string("a\0b", 3)}}), HasSubstr("NUL"));
  EXPECT_THAT(complaint(Env{{"A", std::string(limits::kEnvBytes, 'x')}}), HasSubstr("limit"));
}

TEST(Validate, ProcessSettingsHaveBounds) {
  ProcessSettings settings;
  EXPECT_EQ(complaint(settings), "");
  settings.instances = -1;
  EXPECT_EQ(complaint(settings), "Instances must be greater than or equal to 0");
  settings.instances = 0;
  settings.memory_mb = 0;
  EXPECT_EQ(complaint(settings), "Memory in mb must be greater than 0");
  settings.memory_mb = limits::kMemoryMb + 1;
  EXPECT_THAT(complaint(settings), HasSubstr("less than or equal"));
  settings.memory_mb = 64;
  settings.type = "we b";
  EXPECT_THAT(complaint(settings), HasSubstr("Process type"));
  settings.type = "web";
  settings.health_check.endpoint = "/health";
  EXPECT_THAT(complaint(settings), HasSubstr("only be set if type is 'http'"));
  settings.health_check.type = HealthCheckType::http;
  EXPECT_EQ(complaint(settings), "");
  settings.health_check.timeout_s = 0;
  EXPECT_EQ(complaint(settings), "Health check timeout must be greater than 0");
}

TEST(Validate, RolesStandWhereTheirTypeSays) {
  SeededRandom random(1);
  Role role;
  role.type = RoleType::space_developer;
  role.user = UserGuid::make(random);
  role.org = OrgGuid::make(random);
  EXPECT_THAT(complaint(role), HasSubstr("needs a space"));
  role.org = {};
  role.space = SpaceGuid::make(random);
  EXPECT_EQ(complaint(role), "");
  role.type = RoleType::organization_manager;
  EXPECT_THAT(complaint(role), HasSubstr("needs an organization"));
}

TEST(Validate, RoutesAreHostsPathsOrPorts) {
  Route route;
  for (const char* good : {"", "*", "shop", "shop-1", "a_b"}) {
    route.host = good;
    EXPECT_EQ(complaint(route), "") << good;
  }
  for (const char* bad : {"Shop", "-a", "a-", "a.b", "a*", "a b", "é"}) {
    route.host = bad;
    EXPECT_THAT(complaint(route), HasSubstr("Host")) << bad;
  }
  route.host = "shop";
  for (const char* bad : {"api", "/", "/a?b", "/%zz", "/a b", "/a#b"}) {
    route.path = bad;
    EXPECT_THAT(complaint(route), HasSubstr("Path")) << bad;
  }
  route.path = "/api/v1";
  EXPECT_EQ(complaint(route), "");
  route.port = 80;
  EXPECT_EQ(complaint(route), "Ports are not supported for HTTP routes.");
}

TEST(Validate, CanaryWeightsRise) {
  DeploymentOptions options;
  options.canary_weights = {10, 50, 100};
  EXPECT_EQ(complaint(options), "");
  options.canary_weights = {50, 50};
  EXPECT_THAT(complaint(options), HasSubstr("rising"));
}

TEST(Routing, WritesUrls) {
  Domain domain;
  domain.name = "localhost";
  Route route;
  EXPECT_EQ(url(route, domain), "localhost");
  route.host = "shop";
  route.path = "/api";
  EXPECT_EQ(url(route, domain), "shop.localhost/api");
}

RC_GTEST_PROP(Routing, AHostMadeOfANameIsAValidHost, (const std::string& name)) {
  Route route;
  route.host = host_of_name(name);
  RC_ASSERT(complaint(route) == "");
}

TEST(Instance, SaysHowItEnded) {
  EXPECT_EQ(describe({ExitReason::exited, 3, 0, ""}), "Exited with status 3");
  EXPECT_EQ(describe({ExitReason::signaled, 0, 11, ""}), "Ended by signal 11 (SIGSEGV)");
  EXPECT_EQ(describe({ExitReason::start_failed, 0, 0, "no space"}),
            "Could not be started: no space");
}

TEST(PackageFiles, KnowsWhichPathsStayInside) {
  for (const char* good : {"a", "a/b", ".env", "a/..b", "é/ü", "a b"})
    EXPECT_TRUE(is_package_path(good)) << good;
  for (const char* bad : {"", "/a", "a/", "a//b", "..", "a/../b", "./a", "a\nb", "\xff"})
    EXPECT_FALSE(is_package_path(bad)) << bad;
  EXPECT_FALSE(is_package_path(std::string(2000, 'a')));
}

PackageFile file(const std::string& path) { return {path, 0644, 3, Digest::of(path)}; }

TEST(PackageFiles, TheSameFilesGiveTheSameText) {
  const PackageFiles one{{file("b"), file("a/c")}}, other{{file("a/c"), file("b")}};
  EXPECT_EQ(serialize(one), serialize(other));
  EXPECT_EQ(parse_package_files(serialize(one)), other);
  EXPECT_EQ(one.total_bytes(), 6);
}

TEST(PackageFiles, RefusesFilesThatCannotBeTogether) {
  EXPECT_THAT(complaint(PackageFiles{{file("a"), file("a")}}), HasSubstr("named twice"));
  EXPECT_THAT(complaint(PackageFiles{{file("a/b"), file("a")}}), HasSubstr("is a file too"));
  EXPECT_THAT(complaint(PackageFiles{{file("../a")}}), HasSubstr("stay within"));
  EXPECT_EQ(complaint(PackageFiles{{file("a/b"), file("a.b"), file("ab")}}), "");
}

TEST(PackageFiles, RefusesWhatItDidNotWrite) {
  for (const char* text :
       {"", "[]", "{}", R"({"version":2,"files":[]})",
        R"({"version":1,"files":[{"path":"a","mode":"999","size":1,"sha256":"00"}]})",
        R"({"version":1,"files":[1]})"})
    EXPECT_THROW(parse_package_files(text), Error) << text;
}

}  // namespace
}  // namespace nuri::model

#include "model/manifest.h"

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include "base/error.h"
#include "base/limits.h"

namespace nuri::model {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

ManifestApp only_app(const std::string& yaml) {
  Manifest manifest = parse_manifest(yaml);
  EXPECT_EQ(manifest.apps.size(), 1u);
  EXPECT_THAT(manifest.warnings, ElementsAre());
  return manifest.apps.at(0);
}

Error error_of(const std::string& yaml) {
  try {
    parse_manifest(yaml);
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "accepted: " << yaml;
  return Error(Code::internal, "accepted");
}

// One app "a" with `lines` after its name, on line 3.
std::string with(const std::string& lines) { return "applications:\n- name: a\n  " + lines + "\n"; }

TEST(Manifest, ReadsAnAppWithEverything) {
  const ManifestApp app = only_app(R"(---
version: 1
applications:
- name: shop
  path: ./dist
  memory: 1G
  disk_quota: 512M
  instances: 3
  command: node server.js
  buildpacks: [node, procfile]
  stack: nuri
  timeout: 90
  health-check-type: http
  health-check-http-endpoint: /health
  health-check-interval: 5
  health-check-invocation-timeout: 2
  env:
    NODE_ENV: production
    WORKERS: 4
    DEBUG: false
  routes:
  - route: shop.localhost
  - route: shop.localhost/api
    protocol: http1
  metadata:
    labels: {tier: front}
    annotations: {contact: "ann@example.org"}
  processes:
  - type: worker
    command: node work.js
    memory: 256M
    instances: 0
    health-check-type: process
)");
  EXPECT_EQ(app.name, "shop");
  EXPECT_EQ(app.path, "./dist");
  EXPECT_EQ(app.web.memory_mb, 1024);
  EXPECT_EQ(app.web.disk_mb, 512);
  EXPECT_EQ(app.web.instances, 3);
  EXPECT_EQ(app.web.command, "node server.js");
  EXPECT_EQ(app.web.timeout_s, 90);
  EXPECT_EQ(app.web.health_check_type, HealthCheckType::http);
  EXPECT_EQ(app.web.health_check_endpoint, "/health");
  EXPECT_EQ(app.web.health_check_interval_s, 5);
  EXPECT_EQ(app.web.health_check_invocation_timeout_s, 2);
  EXPECT_EQ(app.buildpacks, (std::vector<std::string>{"node", "procfile"}));
  EXPECT_EQ(app.stack, "nuri");
  EXPECT_EQ(app.env, (Env{{"NODE_ENV", "production"}, {"WORKERS", "4"}, {"DEBUG", "false"}}));
  EXPECT_EQ(app.routes,
            (std::vector<ManifestRoute>{{"shop.localhost", std::nullopt},
                                        {"shop.localhost/api", DestinationProtocol::http1}}));
  EXPECT_EQ(app.metadata.labels.at("tier"), "front");
  ASSERT_EQ(app.processes.size(), 1u);
  EXPECT_EQ(app.processes[0].type, "worker");
  EXPECT_EQ(app.processes[0].instances, 0);
  EXPECT_EQ(app.processes[0].health_check_type, HealthCheckType::process);
  EXPECT_EQ(app.line, 4);
}

TEST(Manifest, LeavesOutWhatIsNotThere) {
  const ManifestApp app = only_app("applications: [{name: a}]");
  EXPECT_EQ(app, (ManifestApp{.name = "a",
                              .path = {},
                              .buildpacks = {},
                              .stack = {},
                              .env = {},
                              .routes = {},
                              .metadata = {},
                              .web = {},
                              .processes = {},
                              .line = 1}));
}

TEST(Manifest, NamesUnknownAndUnsupportedKeysWithTheirLine) {
  const Manifest manifest = parse_manifest(with("services: [db]\n  colour: red"));
  EXPECT_THAT(
      manifest.warnings,
      ElementsAre("manifest line 3: the key \"services\" is not supported yet; it is ignored",
                  "manifest line 4: the key \"colour\" is not known; it is ignored"));
}

TEST(Manifest, SaysWhichLineHoldsTheWrongType) {
  for (const auto& [line, message] : std::vector<std::pair<std::string, std::string>>{
           {"instances: many", "line 3: instances must be a whole number from 0 to 1000"},
           {"instances: 1.5", "line 3: instances must be a whole number"},
           {"instances: [1]", "line 3: instances must be a whole number"},
           {"instances: -1", "line 3: instances must be a whole number"},
           {"memory: 512", "line 3: memory must be a size with a unit"},
           {"memory: 2T", "line 3: memory must be a size"},
           {"command: [a, b]", "line 3: command must be text"},
           {"env: [A]", "line 3: env must be a mapping"},
           {"env: {A: {B: c}}", "line 3: env: the value of A must be text"},
           {"env: {PORT: 1}", "line 3: Environment variables cannot set PORT"},
           {"routes: shop.localhost", "line 3: routes must be a list"},
           {"routes: [shop.localhost]", "line 3: each of routes must be a mapping"},
           {"routes: [{protocol: http1}]", "line 3: a route needs"},
           {"no-route: maybe", "line 3: no-route must be true or false"},
           {"health-check-type: ping", "line 3: health-check-type must be"},
           {"health-check-http-endpoint: health", "must be a URL path"},
           {"timeout: 0", "line 3: timeout must be a whole number from 1"},
           {"processes: [{memory: 1G}]", "line 3: a process needs a type"},
           {"processes: [{type: a}, {type: a}]", "line 3: the process type a appears twice"},
           {"name: b", "line 3: the key \"name\" appears twice"},
           {"random-route: true\n  no-route: true", "line 4: only one of"},
           {"metadata: {labels: {\"a b\": c}}", "line 3: Metadata label key error"},
       }) {
    const Error error = error_of(with(line));
    EXPECT_EQ(error.code(), Code::unprocessable) << line;
    EXPECT_THAT(error.message(), HasSubstr(message)) << line;
  }
}

TEST(Manifest, RefusesWhatIsNoManifest) {
  EXPECT_THAT(error_of("").message(), HasSubstr("applications"));
  EXPECT_THAT(error_of("apps: []").message(), HasSubstr("applications"));
  EXPECT_THAT(error_of("- a").message(), HasSubstr("must be a mapping"));
  EXPECT_THAT(error_of("applications: [\n").message(), HasSubstr("manifest line"));
  EXPECT_THAT(error_of("applications: []\n---\napplications: []").message(),
              HasSubstr("more than"));
  EXPECT_THAT(error_of("applications:\n- name: a\n- name: a").message(),
              HasSubstr("line 3: the app a appears twice (first on line 2)"));
  EXPECT_THAT(error_of("applications: [\"\xff\"]").message(), HasSubstr("UTF-8"));
}

TEST(Manifest, AppLevelIsTheWebProcessAndProcessesWin) {
  const ManifestApp app =
      only_app(with("memory: 1G\n  instances: 2\n  processes:\n  - type: web\n    memory: 2G"));
  EXPECT_EQ(app.web.memory_mb, 2048);
  EXPECT_EQ(app.web.instances, 2);
  EXPECT_TRUE(app.processes.empty());
}

TEST(Manifest, NullAndDefaultGoBackToTheDroplets) {
  EXPECT_EQ(only_app(with("command: null")).web.command, "");
  EXPECT_EQ(only_app(with("command: default")).web.command, "");
  EXPECT_EQ(only_app(with("buildpack: default")).buildpacks, std::vector<std::string>{});
  EXPECT_EQ(only_app(with("buildpacks: []")).buildpacks, std::vector<std::string>{});
  EXPECT_EQ(only_app(with("buildpack: node")).buildpacks, std::vector<std::string>{"node"});
}

TEST(Manifest, KnowsHowRoutesAreWished) {
  EXPECT_EQ(only_app(with("no-route: true")).route_wish, RouteWish::no_route);
  EXPECT_EQ(only_app(with("random-route: true")).route_wish, RouteWish::random_route);
  EXPECT_EQ(only_app(with("default-route: true")).route_wish, RouteWish::default_route);
  EXPECT_EQ(only_app(with("no-route: false")).route_wish, RouteWish::none);
}

TEST(Manifest, FollowsAnchorsAndMergeKeys) {
  const Manifest manifest = parse_manifest(R"(
applications:
- &base
  name: a
  memory: 1G
  env: &env {A: 1}
- <<: *base
  name: b
  env:
    <<: *env
    B: 2
)");
  ASSERT_EQ(manifest.apps.size(), 2u);
  EXPECT_EQ(manifest.apps[1].name, "b");
  EXPECT_EQ(manifest.apps[1].web.memory_mb, 1024);
  EXPECT_EQ(manifest.apps[1].env, (Env{{"A", "1"}, {"B", "2"}}));
}

TEST(Manifest, BoundsSizeDepthAliasesAndMerges) {
  EXPECT_EQ(error_of(std::string(limits::kManifestBytes + 1, ' ')).code(), Code::too_large);
  EXPECT_EQ(error_of("a: " + std::string(100, '[')).code(), Code::too_large);
  EXPECT_EQ(error_of(std::string(500'000, '[')).code(), Code::too_large);
  std::string aliases = "x: &x 1\napplications:\n";
  for (int i = 0; i < 200; ++i) aliases += "- *x\n";
  EXPECT_EQ(error_of(aliases).code(), Code::too_large);
  EXPECT_THAT(error_of("applications:\n- &a\n  name: x\n  <<: *a\n").message(),
              HasSubstr("nested too deep"));
  std::string bomb = "a0: &a0 {x: 1}\n";
  for (int i = 1; i < 8; ++i) {
    const std::string below = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " {<<: [" + below;
    for (int k = 0; k < 8; ++k) bomb += ", " + below;
    bomb += "]}\n";
  }
  EXPECT_EQ(error_of(bomb + "applications:\n- <<: *a7\n").code(), Code::too_large);
}

TEST(Megabytes, ReadsUnitsAndFractions) {
  EXPECT_EQ(parse_megabytes("512M"), 512);
  EXPECT_EQ(parse_megabytes("512mb"), 512);
  EXPECT_EQ(parse_megabytes("1G"), 1024);
  EXPECT_EQ(parse_megabytes("1.5 GB"), 1536);
  EXPECT_EQ(parse_megabytes("1T"), 1024 * 1024);
  EXPECT_EQ(parse_megabytes("1048576B"), 1);
  EXPECT_EQ(parse_megabytes("2048K"), 2);
  for (const char* wrong : {"", "512", "M", "-1M", "0M", "1.0001M", "1K", "99999999T", "1GG",
                            "1..5G", "1e3M", "nan", "infG"})
    EXPECT_EQ(parse_megabytes(wrong), std::nullopt) << wrong;
}

RC_GTEST_PROP(Megabytes, WhatIsWrittenIsReadBack, ()) {
  const int mb = *rc::gen::inRange(1, limits::kMemoryMb + 1);
  RC_ASSERT(parse_megabytes(format_megabytes(mb)) == mb);
}

}  // namespace
}  // namespace nuri::model

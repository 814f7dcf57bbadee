// What clients read besides apps: routes, domains, tenancy, the platform's lists, logs.

#include <fmt/format.h>

#include "api/cf/test_api.h"
#include "base/encoding.h"

namespace nuri::api {
namespace {

class ReadingTest : public ApiTest {
 protected:
  static json::object to(std::string_view name, const std::string& guid) {
    return {{name, json::object{{"data", json::object{{"guid", guid}}}}}};
  }
  json::object route_body(const std::string& host) {
    json::object relations = to("space", space_.guid.str());
    relations["domain"] = to("domain", domain_.guid.str())["domain"];
    return {{"host", host}, {"relationships", relations}};
  }
  void log(const model::App& app, std::string text, telemetry::LogStream stream) {
    logs_.prepare(app.guid.str());
    logs_.append(app.guid.str(), {++log_ns_, "APP/PROC/WEB", "0", stream, std::move(text)});
  }
  std::int64_t log_ns_ = loop_.wall().ns;
};

TEST_F(ReadingTest, ARouteIsMadeMappedAndUnmapped) {
  const model::App app = make_app("hello");
  const Answer made = post("/v3/routes", route_body("Hello"));
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(made.text("/url"), "hello.localhost");
  const Answer twice = post("/v3/routes", route_body("hello"));
  EXPECT_EQ(twice.status, 422);
  EXPECT_NE(twice.text("/errors/0/detail").find("Route already exists"), std::string::npos);

  const std::string path = "/v3/routes/" + made.text("/guid");
  const json::object wanted{
      {"destinations", json::array{json::object{{"app", json::object{{"guid", app.guid.str()}}}}}}};
  for (int i = 0; i < 2; ++i) {
    const Answer mapped = post(path + "/destinations", wanted);
    EXPECT_EQ(mapped.status, 200) << mapped.body;
    EXPECT_EQ(mapped.at("/destinations").as_array().size(), 1u);
    EXPECT_EQ(mapped.text("/destinations/0/app/process/type"), "web");
  }
  EXPECT_EQ(get("/v3/routes?hosts=hello&paths=&domain_guids=" + domain_.guid.str())
                .text("/pagination/total_results"),
            "1");
  EXPECT_EQ(get("/v3/routes?app_guids=" + app.guid.str()).text("/resources/0/guid"),
            made.text("/guid"));
  const std::string destination = get(path).text("/destinations/0/guid");
  EXPECT_EQ(del(path + "/destinations/" + destination).status, 204);
  EXPECT_EQ(last_event(), "audit.app.unmap-route");
  EXPECT_EQ(get(path).text("/destinations"), "[]");
  EXPECT_EQ(del("/v3/spaces/" + space_.guid.str() + "/routes?unmapped=true").status, 202);
  EXPECT_EQ(get(path).status, 404);
}

TEST_F(ReadingTest, OthersSeeNeitherRoutesNorOrgs) {
  const Answer made = post("/v3/routes", route_body("mine"));
  log_in(make_user("stranger"));
  EXPECT_EQ(get("/v3/routes").text("/resources"), "[]");
  EXPECT_EQ(get("/v3/routes/" + made.text("/guid")).status, 404);
  EXPECT_EQ(del("/v3/routes/" + made.text("/guid")).status, 404);
  EXPECT_EQ(get("/v3/organizations").text("/resources"), "[]");
  EXPECT_EQ(get("/v3/spaces/" + space_.guid.str()).status, 404);
  EXPECT_EQ(get("/v3/users").text("/pagination/total_results"), "1");
  EXPECT_EQ(post("/v3/domains", json::object{{"name", "example.org"}}).status, 403);
  EXPECT_EQ(post("/v3/routes", route_body("theirs")).status, 422);
}

TEST_F(ReadingTest, AnAuditorReadsButChangesNothing) {
  const Answer made = post("/v3/routes", route_body("mine"));
  log_in(make_user("auditor", model::RoleType::space_auditor));
  EXPECT_EQ(get("/v3/routes/" + made.text("/guid")).status, 200);
  EXPECT_EQ(del("/v3/routes/" + made.text("/guid")).status, 403);
  EXPECT_EQ(ask("POST", "/v3/spaces/" + space_.guid.str() + "/actions/apply_manifest",
                "applications:\n- name: x\n")
                .status,
            403);
}

TEST_F(ReadingTest, ListsThatClientsAskForAreThere) {
  for (const char* path :
       {"/v3/stacks", "/v3/buildpacks", "/v3/feature_flags", "/v3/service_instances",
        "/v3/service_plans", "/v3/isolation_segments", "/v3/security_groups", "/v3/roles",
        "/v3/organization_quotas", "/v3/domains", "/v3/droplets", "/v3/builds", "/v3/packages",
        "/v3/service_route_bindings?include=service_instance", "/v3/users",
        "/v3/spaces?include=organization"}) {
    const Answer answer = get(path);
    EXPECT_EQ(answer.status, 200) << path << answer.body;
    EXPECT_TRUE(answer.at("/resources").is_array()) << path;
    EXPECT_TRUE(answer.at("/pagination").is_object()) << path;
  }
  const std::string space = "/v3/spaces/" + space_.guid.str();
  EXPECT_EQ(get(space + "/relationships/isolation_segment").body, R"({"data":null})");
  EXPECT_EQ(get(space + "/features/ssh").text("/enabled"), "false");
  EXPECT_EQ(get("/v3/organizations/" + org_.guid.str() + "/domains/default").text("/name"),
            "localhost");
  EXPECT_EQ(get("/v3/spaces?names=default&organization_guids=" + org_.guid.str())
                .text("/resources/0/guid"),
            space_.guid.str());
}

TEST_F(ReadingTest, LogsAreReadAsProtoJson) {
  const model::App app = make_app("hello");
  log(app, "one", telemetry::LogStream::out);
  log(app, "two", telemetry::LogStream::err);
  const Answer answer =
      get("/api/v1/read/" + app.guid.str() +
          "?descending=true&envelope_types=LOG&limit=1&start_time=-6795364578871345152");
  EXPECT_EQ(answer.body,
            fmt::format(R"({{"envelopes":{{"batch":[{{"timestamp":"{}","source_id":"{}",)"
                        R"("instance_id":"0","tags":{{"source_type":"APP/PROC/WEB"}},)"
                        R"("log":{{"payload":"{}","type":"ERR"}}}}]}}}})",
                        log_ns_, app.guid.str(), base64("two")));
  EXPECT_EQ(get("/api/v1/info").text("/version"), "3.0.0");
  EXPECT_EQ(get("/api/v1/read/" + app.guid.str() + "?envelope_types=GAUGE").body,
            R"({"envelopes":{"batch":[]}})");
  log_in(make_user("stranger"));
  EXPECT_EQ(get("/api/v1/read/" + app.guid.str()).status, 404);
}

TEST_F(ReadingTest, AnEmptyReadOfLogsIsHeldForASecond) {
  const model::App app = make_app("hello");
  const Time begun = loop_.now();
  const std::string path = "/api/v1/read/" + app.guid.str();
  EXPECT_EQ(get(path).text("/envelopes/batch"), "[]");
  EXPECT_GE(loop_.now() - begun, limits::kHeldLogRead);
  const Time again = loop_.now();
  EXPECT_EQ(get(path + "?descending=true&limit=1").text("/envelopes/batch"), "[]");
  EXPECT_LT(loop_.now() - again, limits::kHeldLogRead);
}

}  // namespace
}  // namespace nuri::api

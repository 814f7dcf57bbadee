#include <gmock/gmock.h>

#include "api/cf/test_api.h"
#include "model/release.h"

namespace nuri::api {
namespace {

using testing::HasSubstr;

class AppsTest : public ApiTest {
 protected:
  json::object wish(std::string name) {
    return {{"name", name},
            {"relationships",
             json::object{
                 {"space", json::object{{"data", json::object{{"guid", space_.guid.str()}}}}}}}};
  }
  model::App created(std::string name) {
    return row(AppGuid(post("/v3/apps", wish(std::move(name))).text("/guid")));
  }
  std::string path(const model::App& app, std::string_view rest = {}) {
    return "/v3/apps/" + app.guid.str() + std::string(rest);
  }
  Answer assign(const model::App& app, const DropletGuid& droplet) {
    return patch(path(app, "/relationships/current_droplet"),
                 json::object{{"data", json::object{{"guid", droplet.str()}}}});
  }
};

TEST_F(AppsTest, AreMadeWithAWebProcess) {
  auto body = wish("hello");
  body["environment_variables"] = json::object{{"A", "1"}};
  body["metadata"] = json::object{{"labels", json::object{{"team", "blue"}}}};
  const Answer answer = post("/v3/apps", body);
  ASSERT_EQ(answer.status, 201) << answer.body;
  EXPECT_EQ(answer.text("/name"), "hello");
  EXPECT_EQ(answer.text("/state"), "STOPPED");
  EXPECT_EQ(answer.text("/lifecycle"),
            R"({"type":"buildpack","data":{"buildpacks":[],"stack":"nuri"}})");
  EXPECT_EQ(answer.text("/relationships/space/data/guid"), space_.guid.str());
  EXPECT_EQ(answer.text("/metadata/labels/team"), "blue");
  EXPECT_EQ(answer.text("/links/self/href"), "http://api.test/v3/apps/" + answer.text("/guid"));
  EXPECT_EQ(answer.text("/links/start/method"), "POST");
  EXPECT_EQ(last_event(), "audit.app.create");
  const Answer processes = get("/v3/apps/" + answer.text("/guid") + "/processes");
  EXPECT_EQ(processes.text("/resources/0/type"), "web");
  EXPECT_EQ(processes.at("/pagination/total_results").as_int64(), 1);
}

TEST_F(AppsTest, WithANameThatIsTakenAreRefusedInTheWordsThatClientsKnow) {
  created("hello");
  const Answer answer = post("/v3/apps", wish("hello"));
  EXPECT_EQ(answer.status, 422);
  EXPECT_EQ(answer.text("/errors/0/title"), "CF-UnprocessableEntity");
  EXPECT_EQ(answer.text("/errors/0/detail"), "App with the name 'hello' already exists.");
}

TEST_F(AppsTest, NeedASpaceAndAName) {
  EXPECT_EQ(post("/v3/apps", json::object{{"name", "a"}}).status, 422);
  auto body = wish("a");
  body.erase("name");
  EXPECT_EQ(post("/v3/apps", body).status, 422);
  EXPECT_EQ(post("/v3/apps", wish(" ")).status, 422);
  EXPECT_EQ(ask("POST", "/v3/apps", "{").status, 400);
}

TEST_F(AppsTest, AreListedByNameSpaceAndGuid) {
  const auto a = created("a");
  const auto b = created("b");
  const auto names = [&](std::string query) {
    const Answer answer = get("/v3/apps?" + query);
    EXPECT_EQ(answer.status, 200) << answer.body;
    std::string out;
    for (const auto& one : answer.at("/resources").as_array())
      out += one.as_object().at("name").as_string();
    return out;
  };
  EXPECT_EQ(names("order_by=-name"), "ba");
  EXPECT_EQ(names("names=b,c"), "b");
  EXPECT_EQ(names("guids=" + a.guid.str()), "a");
  EXPECT_EQ(names("space_guids=" + space_.guid.str()), "ab");
  EXPECT_EQ(names("space_guids=none"), "");
  EXPECT_EQ(names("organization_guids=" + org_.guid.str() + "&page=2&per_page=1"), "b");
  const Answer page = get("/v3/apps?per_page=1&names=a,b");
  EXPECT_EQ(page.text("/pagination/next/href"),
            "http://api.test/v3/apps?page=2&per_page=1&names=a,b");
  EXPECT_TRUE(page.at("/pagination/previous").is_null());
  EXPECT_EQ(get("/v3/apps?order_by=state").status, 400);
  EXPECT_EQ(get("/v3/apps?page=0").status, 400);
  EXPECT_EQ(get("/v3/apps?per_page=5001").status, 400);
}

TEST_F(AppsTest, ThatAreNotThereAreSaidAsClientsExpect) {
  const Answer answer = get("/v3/apps/none");
  EXPECT_EQ(answer.status, 404);
  EXPECT_EQ(answer.text("/errors/0/code"), "10010");
  EXPECT_EQ(answer.text("/errors/0/title"), "CF-ResourceNotFound");
  EXPECT_EQ(answer.text("/errors/0/detail"), "App not found");
}

TEST_F(AppsTest, ChangeNameLifecycleAndLabels) {
  const auto app = created("hello");
  const Answer answer = patch(
      path(app),
      json::parse(R"({"name":"hi","lifecycle":{"type":"buildpack","data":{"buildpacks":["node"]}},
                      "metadata":{"labels":{"a":"1","b":"2"}}})"));
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer.text("/name"), "hi");
  EXPECT_EQ(answer.text("/lifecycle/data/buildpacks"), R"(["node"])");
  EXPECT_EQ(patch(path(app), json::parse(R"({"metadata":{"labels":{"a":null}}})"))
                .text("/metadata/labels"),
            R"({"b":"2"})");
  EXPECT_EQ(get(path(app)).text("/lifecycle/data/buildpacks"), R"(["node"])");
  EXPECT_EQ(patch(path(app), json::parse(R"({"lifecycle":{"type":"moon"}})")).status, 422);
  EXPECT_EQ(last_event(), "audit.app.update");
}

TEST_F(AppsTest, AreDeletedByAJob) {
  const auto app = created("hello");
  const Answer answer = del(path(app));
  EXPECT_EQ(answer.status, 202);
  const std::string location(answer.headers.get("Location").value_or(""));
  ASSERT_THAT(location, HasSubstr("http://api.test/v3/jobs/"));
  const model::Job job = row(JobGuid(location.substr(location.rfind('/') + 1)));
  EXPECT_EQ(job.operation, "app.delete");
  EXPECT_EQ(job.resource_guid, app.guid.str());
  EXPECT_EQ(get("/v3/jobs/" + job.guid.str() + "?wait=false").text("/state"), "PROCESSING");
  EXPECT_EQ(last_event(), "audit.app.delete-request");
}

TEST_F(AppsTest, KeepTheirEnvironmentVariables) {
  const auto app = created("hello");
  const std::string variables = path(app, "/environment_variables");
  EXPECT_EQ(patch(variables, json::parse(R"({"var":{"A":"1","B":"2"}})")).text("/var"),
            R"({"A":"1","B":"2"})");
  EXPECT_EQ(patch(variables, json::parse(R"({"var":{"A":null,"C":"3"}})")).status, 200);
  EXPECT_EQ(get(variables).text("/var"), R"({"B":"2","C":"3"})");
  EXPECT_EQ(patch(variables, json::parse(R"({"var":{"A":1}})")).text("/errors/0/detail"),
            "Non-string value in environment variable for key 'A', value '1'");
  EXPECT_EQ(patch(variables, json::parse(R"({"var":{"VCAP_X":"1"}})")).status, 422);
  EXPECT_EQ(patch(variables, json::parse(R"({})")).status, 422);
  const auto events = get("/v3/audit_events?target_guids=" + app.guid.str());
  EXPECT_THAT(events.body, HasSubstr("audit.app.update"));
  EXPECT_THAT(events.body, testing::Not(HasSubstr("\"3\"")));
}

TEST_F(AppsTest, ShowTheWholeEnvironment) {
  const auto app = created("hello");
  patch(path(app, "/environment_variables"), json::parse(R"({"var":{"A":"1"}})"));
  const Answer env = get(path(app, "/env"));
  EXPECT_EQ(env.text("/environment_variables"), R"({"A":"1"})");
  EXPECT_EQ(env.text("/system_env_json/VCAP_SERVICES"), "{}");
  EXPECT_EQ(env.text("/running_env_json"), "{}");
  EXPECT_EQ(env.text("/staging_env_json"), "{}");
  EXPECT_EQ(env.text("/application_env_json/VCAP_APPLICATION/application_name"), "hello");
  EXPECT_EQ(env.text("/application_env_json/VCAP_APPLICATION/space_name"), "default");
}

TEST_F(AppsTest, TakeADropletAndTheProcessesInIt) {
  const auto app = created("hello");
  EXPECT_EQ(get(path(app, "/relationships/current_droplet")).text("/errors/0/detail"),
            "Droplet not found");
  const auto droplet = make_droplet(app);
  const Answer answer = assign(app, droplet.guid);
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer.text("/data/guid"), droplet.guid.str());
  EXPECT_EQ(get(path(app, "/processes/worker")).at("/instances").as_int64(), 0);
  EXPECT_EQ(get(path(app, "/processes/worker")).text("/command"), "node worker.js");
  EXPECT_EQ(get(path(app, "/processes/web")).at("/instances").as_int64(), 1);
  EXPECT_EQ(last_event(), "audit.app.droplet.mapped");
  EXPECT_EQ(assign(created("other"), droplet.guid).status, 422);
}

TEST_F(AppsTest, HaveTheFeatureRevisionsAndNoSsh) {
  const auto app = created("hello");
  EXPECT_EQ(get(path(app, "/features")).at("/resources").as_array().size(), 2u);
  EXPECT_EQ(get(path(app, "/features/revisions")).text("/enabled"), "true");
  EXPECT_EQ(patch(path(app, "/features/revisions"), json::object{{"enabled", false}}).status, 200);
  EXPECT_FALSE(row(app.guid).revisions_enabled);
  EXPECT_EQ(patch(path(app, "/features/ssh"), json::object{{"enabled", true}}).status, 422);
  EXPECT_EQ(get(path(app, "/features/moon")).text("/errors/0/detail"), "Feature not found");
  EXPECT_EQ(get(path(app, "/ssh_enabled")).text("/enabled"), "false");
}

TEST_F(AppsTest, WithoutADropletDoNotStart) {
  const auto app = created("hello");
  const Answer answer = post(path(app, "/actions/start"));
  EXPECT_EQ(answer.status, 422);
  EXPECT_EQ(answer.text("/errors/0/detail"), "Assign a droplet before starting this app.");
  EXPECT_EQ(row(app.guid).state, model::AppState::stopped);
}

TEST_F(AppsTest, StartStopAndRestartByDeployments) {
  const auto app = created("hello");
  assign(app, make_droplet(app).guid);
  const auto deployments = [&] {
    return store_.read(
        [](store::Reader& reader) { return reader.all(store::Query<model::Deployment>()); });
  };
  EXPECT_EQ(post(path(app, "/actions/start")).text("/state"), "STARTED");
  EXPECT_EQ(last_event(), "audit.app.start");
  ASSERT_EQ(deployments().size(), 1u);
  EXPECT_EQ(deployments()[0].strategy, model::Strategy::recreate);
  post(path(app, "/actions/start"));
  EXPECT_EQ(deployments().size(), 1u) << "it is started already";
  post(path(app, "/actions/restart"));
  ASSERT_EQ(deployments().size(), 2u);
  EXPECT_EQ(deployments()[1].strategy, model::Strategy::rolling);
  EXPECT_EQ(deployments()[1].revision, deployments()[0].revision) << "nothing changed";
  EXPECT_EQ(post(path(app, "/actions/stop")).text("/state"), "STOPPED");
  EXPECT_EQ(last_event(), "audit.app.stop");
  post(path(app, "/actions/restart"));
  EXPECT_EQ(deployments()[2].strategy, model::Strategy::recreate) << "nothing runs beside it";
  EXPECT_EQ(last_event(), "audit.app.restart");
}

}  // namespace
}  // namespace nuri::api

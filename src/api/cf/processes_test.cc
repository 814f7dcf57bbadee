#include <gmock/gmock.h>

#include "api/cf/test_api.h"
#include "model/release.h"

namespace nuri::api {
namespace {

using testing::HasSubstr;

class ProcessesTest : public ApiTest {
 protected:
  ProcessesTest() {
    app_ = make_app("hello");
    web_.app = app_.guid;
    web_ = insert(web_);
    deployment_.app = app_.guid;
    deployment_.state = model::DeploymentState::finalized;
    deployment_ = insert(deployment_);
    change(app_.guid, [&](model::App& app) {
      app.state = model::AppState::started;
      app.current_deployment = deployment_.guid;
    });
  }
  template <class T, class Edit>
  void change(const Guid<T>& guid, Edit edit) {
    store_.write([&](store::Writer& tx) { tx.change(guid, edit); });
  }
  std::string path(std::string_view rest = {}) {
    return "/v3/processes/" + web_.guid.str() + std::string(rest);
  }
  std::string app_path(std::string_view rest = {}) {
    return "/v3/apps/" + app_.guid.str() + "/processes" + std::string(rest);
  }
  model::Instance instance(int index, model::InstanceState state,
                           const model::Deployment& deployment) {
    model::Instance row;
    row.app = app_.guid;
    row.process = web_.guid;
    row.deployment = deployment.guid;
    row.index = index;
    row.state = state;
    row.since = loop_.wall();
    return insert(row);
  }
  // With a sandbox on the machine.
  model::Instance running(int index) {
    auto row = instance(index, model::InstanceState::running, deployment_);
    engine::InstanceSpec spec;
    spec.guid = row.guid;
    spec.app = row.app;
    spec.deployment = row.deployment;
    spec.index = row.index;
    spec.image = Digest::of("an image");
    machine_.start(spec, loop_.now());
    return row;
  }
  model::Deployment roll_out() {
    model::Deployment next;
    next.app = app_.guid;
    return insert(next);
  }

  model::App app_;
  model::Process web_;
  model::Deployment deployment_;
};

TEST_F(ProcessesTest, HaveTheShapeThatClientsKnow) {
  const Answer answer = get(path());
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer.text("/type"), "web");
  EXPECT_EQ(answer.at("/instances").as_int64(), 1);
  EXPECT_EQ(answer.at("/memory_in_mb").as_int64(), 256);
  EXPECT_EQ(answer.at("/disk_in_mb").as_int64(), 1024);
  EXPECT_EQ(answer.at("/log_rate_limit_in_bytes_per_second").as_int64(), -1);
  EXPECT_EQ(answer.text("/health_check"),
            R"({"type":"port","data":{"timeout":null,"invocation_timeout":null,"interval":null}})");
  EXPECT_EQ(answer.text("/readiness_health_check"), R"({"type":"process","data":{}})");
  EXPECT_EQ(answer.text("/relationships/app/data/guid"), app_.guid.str());
  EXPECT_EQ(get(app_path("/web")).body, answer.body);
  EXPECT_EQ(get(app_path("/moon")).text("/errors/0/detail"), "Process not found");
  EXPECT_EQ(get("/v3/processes/none").text("/errors/0/detail"), "Process not found");
  EXPECT_EQ(get(path("/sidecars")).text("/resources"), "[]");
}

TEST_F(ProcessesTest, AreListedWithoutTheirCommands) {
  change(web_.guid, [](model::Process& web) { web.command = "run --secret"; });
  EXPECT_EQ(get(path()).text("/command"), "run --secret");
  const Answer list = get("/v3/processes?app_guids=" + app_.guid.str());
  EXPECT_EQ(list.at("/resources").as_array().size(), 1u);
  EXPECT_THAT(list.body, testing::Not(HasSubstr("secret")));
  EXPECT_EQ(get("/v3/processes?types=worker").text("/resources"), "[]");
  EXPECT_EQ(get("/v3/processes?space_guids=none").text("/resources"), "[]");
  EXPECT_EQ(get(app_path()).at("/pagination/total_results").as_int64(), 1);
}

TEST_F(ProcessesTest, AreScaled) {
  const Answer answer =
      post(app_path("/web/actions/scale"), json::object{{"instances", 3}, {"memory_in_mb", 64}});
  EXPECT_EQ(answer.status, 202) << answer.body;
  EXPECT_EQ(answer.at("/instances").as_int64(), 3);
  EXPECT_EQ(row(web_.guid).memory_mb, 64);
  EXPECT_EQ(row(web_.guid).version, 2) << "other memory takes other instances";
  EXPECT_EQ(last_event(), "audit.app.process.scale");
  post(path("/actions/scale"), json::object{{"instances", 2}});
  EXPECT_EQ(row(web_.guid).version, 2) << "another number does not";
  for (const char* wrong : {R"({"instances":-1})", R"({"memory_in_mb":0})", R"({"instances":"3"})",
                            R"({"disk_in_mb":99999999999})"})
    EXPECT_EQ(post(path("/actions/scale"), json::parse(wrong)).status, 422) << wrong;
  EXPECT_EQ(row(web_.guid).instances, 2);
}

TEST_F(ProcessesTest, ChangeTheirHealthCheck) {
  const Answer answer = patch(path(), json::parse(R"({"health_check":{"type":"http","data":
      {"endpoint":"/up","invocation_timeout":2,"timeout":30}}})"));
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer.text("/health_check/type"), "http");
  EXPECT_EQ(answer.text("/health_check/data/endpoint"), "/up");
  EXPECT_EQ(answer.at("/health_check/data/timeout").as_int64(), 30);
  EXPECT_EQ(last_event(), "audit.app.process.update");
  patch(path(), json::parse(R"({"health_check":{"type":"process"}})"));
  EXPECT_EQ(row(web_.guid).health_check.endpoint, "");
  EXPECT_EQ(row(web_.guid).health_check.timeout_s, 30);
  EXPECT_EQ(patch(path(), json::parse(R"({"health_check":{"type":"none"}})")).status, 422);
  EXPECT_EQ(
      patch(path(), json::parse(R"({"health_check":{"type":"port","data":{"timeout":0}}})")).status,
      422);
}

TEST_F(ProcessesTest, ChangeTheirCommand) {
  EXPECT_EQ(patch(path(), json::object{{"command", "go"}}).text("/command"), "go");
  EXPECT_TRUE(patch(path(), json::object{{"command", nullptr}}).at("/command").is_null());
}

TEST_F(ProcessesTest, TellWhatTheirInstancesUse) {
  const auto row = running(0);
  change(row.guid, [&](model::Instance& i) {
    i.routable = true;
    i.started_at = WallTime{loop_.wall().ns - Duration(90s).count()};
  });
  const Answer answer = get(path("/stats"));
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer.at("/resources").as_array().size(), 1u);
  EXPECT_EQ(answer.text("/resources/0/type"), "web");
  EXPECT_EQ(answer.at("/resources/0/index").as_int64(), 0);
  EXPECT_EQ(answer.text("/resources/0/state"), "RUNNING");
  EXPECT_EQ(answer.at("/resources/0/uptime").as_int64(), 90);
  EXPECT_EQ(answer.at("/resources/0/mem_quota").as_int64(), 256 << 20);
  EXPECT_EQ(answer.at("/resources/0/log_rate_limit").as_int64(), -1);
  EXPECT_TRUE(answer.at("/resources/0/routable").as_bool());
  EXPECT_GT(answer.at("/resources/0/usage/mem").to_number<std::int64_t>(), 0);
  EXPECT_EQ(get(app_path("/web/stats")).text("/resources/0/instance_guid"), row.guid.str());
}

TEST_F(ProcessesTest, AnswerWithoutUsageWhenTheEngineIsSlow) {
  running(0);
  machine_.faults.slowest_call = std::chrono::hours(10);
  const Time before = loop_.now();
  const Answer answer = get(path("/stats"));
  EXPECT_EQ(answer.text("/resources/0/state"), "RUNNING");
  EXPECT_EQ(answer.text("/resources/0/usage"), "{}");
  EXPECT_LT(loop_.now() - before, 2s);
}

TEST_F(ProcessesTest, TellWhyAnInstanceCrashed) {
  const auto crashed = instance(0, model::InstanceState::crashed, deployment_);
  change(crashed.guid, [](model::Instance& i) {
    i.exit = {model::ExitReason::start_timeout, 0, 0, "nothing listens on port 8080"};
  });
  const Answer answer = get(path("/stats"));
  EXPECT_EQ(answer.text("/resources/0/state"), "CRASHED");
  EXPECT_THAT(answer.text("/resources/0/details"), HasSubstr("nothing listens on port 8080"));
}

TEST_F(ProcessesTest, ShowPlacesThatAreStillEmpty) {
  change(web_.guid, [](model::Process& web) { web.instances = 2; });
  running(0);
  const Answer answer = get(path("/stats"));
  EXPECT_EQ(answer.text("/resources/0/state"), "RUNNING");
  EXPECT_EQ(answer.text("/resources/1/state"), "DOWN");
  roll_out();
  EXPECT_EQ(get(path("/stats")).text("/resources/1/state"), "STARTING");
  change(app_.guid, [](model::App& app) { app.state = model::AppState::stopped; });
  EXPECT_EQ(get(path("/stats")).at("/resources").as_array().size(), 1u);
}

TEST_F(ProcessesTest, ShowOneInstanceAnIndexWhileANewVersionRollsOut) {
  const auto old = running(0);
  const auto next = roll_out();
  instance(0, model::InstanceState::starting, next);
  const auto beside = instance(1, model::InstanceState::starting, next);
  model::Deployment former;
  former.app = app_.guid;
  former.state = model::DeploymentState::finalized;
  instance(2, model::InstanceState::stopping, insert(former));
  const Answer answer = get(path("/stats"));
  ASSERT_EQ(answer.at("/resources").as_array().size(), 2u) << answer.body;
  EXPECT_EQ(answer.text("/resources/0/instance_guid"), old.guid.str());
  EXPECT_EQ(answer.text("/resources/1/instance_guid"), beside.guid.str());
}

TEST_F(ProcessesTest, EndOneInstance) {
  const auto row = running(0);
  EXPECT_EQ(del(app_path("/web/instances/0")).status, 204);
  EXPECT_EQ(last_event(), "audit.app.process.terminate_instance");
  machine_.advance(loop_.now() + 1min);
  const auto found = machine_.sandboxes().find(row.guid);
  EXPECT_TRUE(found == machine_.sandboxes().end() || found->second.exit.has_value());
  for (const char* index : {"1", "-1", "x", "99999999999"}) {
    const Answer answer = del(path("/instances/") + index);
    EXPECT_EQ(answer.status, 404) << index;
    EXPECT_EQ(answer.text("/errors/0/detail"), "Instance not found") << index;
  }
}

}  // namespace
}  // namespace nuri::api

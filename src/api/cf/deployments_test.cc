#include <gmock/gmock.h>

#include "api/cf/test_api.h"
#include "async/task_group.h"
#include "model/release.h"

namespace nuri::api {
namespace {

class DeploymentsTest : public ApiTest {
 protected:
  DeploymentsTest() {
    app_ = make_app("hello");
    web_.app = app_.guid;
    web_ = insert(web_);
    droplet_ = make_droplet(app_);
    change(app_.guid, [&](model::App& app) { app.current_droplet = droplet_.guid; });
  }
  template <class T, class Edit>
  void change(const Guid<T>& guid, Edit edit) {
    store_.write([&](store::Writer& tx) { tx.change(guid, edit); });
  }
  json::object wish(json::object more = {}) {
    more["relationships"] =
        json::object{{"app", json::object{{"data", json::object{{"guid", app_.guid.str()}}}}}};
    return more;
  }
  static json::object named(const std::string& guid) { return {{"guid", guid}}; }
  model::Deployment deployed(json::object more = {}) {
    const Answer answer = post("/v3/deployments", wish(std::move(more)));
    EXPECT_EQ(answer.status, 201) << answer.body;
    return row(DeploymentGuid(answer.text("/guid")));
  }
  // As control/ does it.
  void finish(const model::Deployment& deployment, model::DeploymentReason reason) {
    change(deployment.guid, [&](model::Deployment& d) {
      d.state = model::DeploymentState::finalized;
      d.reason = reason;
    });
    if (reason != model::DeploymentReason::deployed) return;
    change(app_.guid, [&](model::App& app) {
      app.current_deployment = deployment.guid;
      app.current_revision = deployment.revision;
    });
  }
  Task<void> ask_beside(std::string target, KeptResponse& response, Duration& waited) {
    const Time before = loop_.now();
    co_await serve(request("GET", std::move(target)), {}, response);
    waited = loop_.now() - before;
  }
  Task<void> finish_later(DeploymentGuid guid) {
    co_await pass(3s);
    co_await live_.write([guid](store::Writer& tx) {
      tx.change(guid, [](model::Deployment& d) {
        d.state = model::DeploymentState::finalized;
        d.reason = model::DeploymentReason::deployed;
      });
    });
  }
  void set_env(std::string value) {
    change(app_.guid, [&](model::App& app) { app.env["A"] = value; });
  }

  model::App app_;
  model::Process web_;
  model::Droplet droplet_;
};

TEST_F(DeploymentsTest, StartAStoppedApp) {
  const Answer answer = post("/v3/deployments", wish());
  ASSERT_EQ(answer.status, 201) << answer.body;
  EXPECT_EQ(answer.text("/status/value"), "ACTIVE");
  EXPECT_EQ(answer.text("/status/reason"), "DEPLOYING");
  EXPECT_EQ(answer.text("/droplet/guid"), droplet_.guid.str());
  EXPECT_TRUE(answer.at("/previous_droplet").is_null());
  EXPECT_EQ(answer.at("/revision/version").as_int64(), 1);
  EXPECT_EQ(answer.text("/new_processes/0/guid"), web_.guid.str());
  EXPECT_EQ(answer.text("/new_processes/0/type"), "web");
  EXPECT_EQ(answer.text("/relationships/app/data/guid"), app_.guid.str());
  EXPECT_EQ(row(app_.guid).state, model::AppState::started);
  EXPECT_EQ(last_event(), "audit.app.deployment.create");
}

TEST_F(DeploymentsTest, RollOutADroplet) {
  finish(deployed(), model::DeploymentReason::deployed);
  const auto next = make_droplet(app_, "another image");
  const auto deployment = deployed({{"droplet", named(next.guid.str())}});
  EXPECT_EQ(deployment.strategy, model::Strategy::rolling);
  EXPECT_EQ(deployment.droplet, next.guid);
  EXPECT_EQ(deployment.previous_droplet, droplet_.guid);
  EXPECT_EQ(row(app_.guid).current_droplet, next.guid);
}

TEST_F(DeploymentsTest, GoBackToARevision) {
  set_env("old");
  const auto first = deployed();
  finish(first, model::DeploymentReason::deployed);
  const auto next = make_droplet(app_, "another image");
  set_env("new");
  finish(deployed({{"droplet", named(next.guid.str())}}), model::DeploymentReason::deployed);
  const auto back = deployed({{"revision", named(first.revision.str())}});
  EXPECT_EQ(back.droplet, droplet_.guid);
  EXPECT_EQ(row(app_.guid).env.at("A"), "old");
  EXPECT_EQ(row(back.revision).version, 3);
  EXPECT_EQ(row(back.revision).description, "Rolled back to revision 1.");
  EXPECT_EQ(post("/v3/deployments", wish({{"revision", named("none")}})).status, 422);
}

TEST_F(DeploymentsTest, RefuseWhatTheyCannotDo) {
  const auto refused = [&](json::object more) {
    return post("/v3/deployments", wish(std::move(more))).status;
  };
  EXPECT_EQ(refused({{"strategy", "canary"}}), 422);
  EXPECT_EQ(refused({{"options", json::object{{"max_in_flight", 0}}}}), 422);
  EXPECT_EQ(refused({{"droplet", named("none")}}), 422);
  EXPECT_EQ(refused({{"droplet", named("a")}, {"revision", named("b")}}), 422);
  EXPECT_EQ(post("/v3/deployments").status, 422);
  change(app_.guid, [](model::App& app) { app.current_droplet = {}; });
  EXPECT_EQ(post("/v3/deployments", wish()).text("/errors/0/detail"),
            "Assign a droplet before starting this app.");
}

TEST_F(DeploymentsTest, ScaleTheWebProcessOnTheWay) {
  deployed({{"options", json::object{{"web_instances", 3}, {"memory_in_mb", 64}}}});
  EXPECT_EQ(row(web_.guid).instances, 3);
  EXPECT_EQ(row(web_.guid).memory_mb, 64);
}

TEST_F(DeploymentsTest, AreListedByStatus) {
  const auto deployment = deployed();
  const auto count = [&](std::string query) {
    return get("/v3/deployments?app_guids=" + app_.guid.str() + "&" + query)
        .at("/pagination/total_results")
        .as_int64();
  };
  EXPECT_EQ(count("status_values=ACTIVE&order_by=-created_at"), 1);
  EXPECT_EQ(count("status_values=FINALIZED"), 0);
  EXPECT_EQ(count("status_reasons=DEPLOYING,PAUSED"), 1);
  finish(deployment, model::DeploymentReason::failed);
  EXPECT_EQ(count("status_reasons=CANCELED"), 1);
}

TEST_F(DeploymentsTest, ThatFailedAreCancelledForClientsAndSayWhy) {
  const auto deployment = deployed();
  finish(deployment, model::DeploymentReason::failed);
  change(deployment.guid, [](model::Deployment& d) { d.error = "instance 0: exited"; });
  const Answer answer = get("/v3/deployments/" + deployment.guid.str());
  EXPECT_EQ(answer.text("/status/value"), "FINALIZED");
  EXPECT_EQ(answer.text("/status/reason"), "CANCELED");
  EXPECT_EQ(answer.text("/status/details/error"), "instance 0: exited");
}

TEST_F(DeploymentsTest, AreCancelledAndTheOldDropletIsTheAppsAgain) {
  finish(deployed(), model::DeploymentReason::deployed);
  const auto next = make_droplet(app_, "another image");
  const auto deployment = deployed({{"droplet", named(next.guid.str())}});
  const std::string path = "/v3/deployments/" + deployment.guid.str();
  EXPECT_EQ(post(path + "/actions/continue").status, 422);
  EXPECT_EQ(post(path + "/actions/cancel").status, 200);
  EXPECT_EQ(row(deployment.guid).reason, model::DeploymentReason::canceling);
  EXPECT_EQ(row(app_.guid).current_droplet, droplet_.guid);
  EXPECT_EQ(last_event(), "audit.app.deployment.cancel");
  finish(deployment, model::DeploymentReason::canceled);
  EXPECT_EQ(post(path + "/actions/cancel").status, 422);
  EXPECT_EQ(get("/v3/deployments/none").text("/errors/0/detail"), "Deployment not found");
}

TEST_F(DeploymentsTest, HoldTheirAnswerUntilTheyAreDone) {
  const auto deployment = deployed();
  const std::string path = "/v3/deployments/" + deployment.guid.str();
  const auto took = [&](std::string target) {
    const Time before = loop_.now();
    EXPECT_EQ(get(std::move(target)).status, 200);
    return loop_.now() - before;
  };
  EXPECT_LT(took(path + "?wait=false"), 1s);
  EXPECT_GE(took(path), limits::kHeldAnswer);
  KeptResponse response;
  Duration waited{};
  async::TaskGroup group(loop_);
  group.spawn(ask_beside(path, response, waited));
  group.spawn(finish_later(deployment.guid));
  const auto join = [](async::TaskGroup& all) -> Task<void> { co_await all.join(); };
  loop_.run(join(group));
  EXPECT_EQ(response.answer.text("/status/reason"), "DEPLOYED");
  EXPECT_GE(waited, 3s);
  EXPECT_LT(waited, 4s);
}

TEST_F(DeploymentsTest, LeaveRevisions) {
  set_env("one");
  const auto first = deployed();
  finish(first, model::DeploymentReason::deployed);
  set_env("two");
  const auto second = deployed();
  finish(second, model::DeploymentReason::deployed);
  const std::string app = "/v3/apps/" + app_.guid.str();
  const Answer all = get(app + "/revisions?order_by=-created_at");
  EXPECT_EQ(all.at("/resources/0/version").as_int64(), 2);
  EXPECT_EQ(all.text("/resources/0/description"), "New environment variables deployed.");
  EXPECT_TRUE(all.at("/resources/0/deployable").as_bool());
  EXPECT_EQ(all.text("/resources/1/description"), "Initial revision.");
  const Answer one = get(app + "/revisions?versions=1");
  EXPECT_EQ(one.at("/pagination/total_results").as_int64(), 1);
  EXPECT_EQ(one.text("/resources/0/droplet/guid"), droplet_.guid.str());
  const Answer running = get(app + "/revisions/deployed");
  EXPECT_EQ(running.at("/pagination/total_results").as_int64(), 1);
  EXPECT_EQ(running.text("/resources/0/guid"), second.revision.str());
  const std::string path = "/v3/revisions/" + first.revision.str();
  EXPECT_EQ(get(path + "/environment_variables").text("/var"), R"({"A":"one"})");
  EXPECT_EQ(
      patch(path, json::parse(R"({"metadata":{"labels":{"a":"b"}}})")).text("/metadata/labels/a"),
      "b");
  EXPECT_EQ(get(app + "/revisions?versions=x").status, 400);
}

}  // namespace
}  // namespace nuri::api

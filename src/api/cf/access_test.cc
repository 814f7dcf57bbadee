#include <gmock/gmock.h>

#include "api/cf/test_api.h"
#include "model/release.h"

namespace nuri::api {
namespace {

class AccessTest : public ApiTest {
 protected:
  AccessTest() {
    app_ = make_app("hello");
    web_.app = app_.guid;
    web_ = insert(web_);
    const auto droplet = make_droplet(app_);
    store_.write([&](store::Writer& tx) {
      tx.change(app_.guid, [&](model::App& app) { app.current_droplet = droplet.guid; });
    });
    post(path("/actions/start"));
    deployment_ = store_
                      .read([](store::Reader& reader) {
                        return reader.first(store::Query<model::Deployment>());
                      })
                      ->guid;
  }
  std::string path(std::string_view rest = {}) {
    return "/v3/apps/" + app_.guid.str() + std::string(rest);
  }
  int as(std::optional<model::RoleType> role, std::string method, std::string target) {
    log_in(make_user("user " + std::to_string(++users_), role));
    return ask(std::move(method), std::move(target), "{}").status;
  }

  model::App app_;
  model::Process web_;
  DeploymentGuid deployment_;
  int users_ = 0;
};

TEST_F(AccessTest, WithoutARoleThereIsNothing) {
  for (const auto& target :
       {path(), path("/env"), path("/processes"), path("/revisions"), path("/features"),
        "/v3/processes/" + web_.guid.str(), "/v3/processes/" + web_.guid.str() + "/stats",
        "/v3/deployments/" + deployment_.str()})
    EXPECT_EQ(as(std::nullopt, "GET", target), 404) << target;
  EXPECT_EQ(as(std::nullopt, "DELETE", path()), 404);
  for (const char* list : {"/v3/apps", "/v3/processes", "/v3/deployments", "/v3/audit_events"}) {
    log_in(make_user("user " + std::to_string(++users_)));
    EXPECT_EQ(get(list).text("/resources"), "[]") << list;
  }
  // What is not seen is not told apart from what is not there.
  EXPECT_EQ(get("/v3/deployments/" + deployment_.str()).body, get("/v3/deployments/none").body);
}

TEST_F(AccessTest, ADeveloperMayDoEverythingInTheSpace) {
  using enum model::RoleType;
  EXPECT_EQ(as(space_developer, "GET", path("/env")), 200);
  EXPECT_EQ(as(space_developer, "POST", path("/actions/stop")), 200);
  EXPECT_EQ(as(space_developer, "POST", path("/processes/web/actions/scale")), 202);
  EXPECT_EQ(as(space_developer, "DELETE", path()), 202);
}

TEST_F(AccessTest, OthersWhoSeeTheSpaceMayNotChangeIt) {
  using enum model::RoleType;
  for (const auto role : {space_auditor, space_manager, organization_manager}) {
    EXPECT_EQ(as(role, "GET", path()), 200);
    EXPECT_EQ(as(role, "GET", "/v3/deployments/" + deployment_.str() + "?wait=false"), 200);
    EXPECT_EQ(as(role, "GET", path("/env")), 403) << "it may hold secrets";
    EXPECT_EQ(as(role, "GET", path("/environment_variables")), 403);
    EXPECT_EQ(as(role, "POST", path("/actions/stop")), 403);
    EXPECT_EQ(as(role, "PATCH", path()), 403);
    EXPECT_EQ(as(role, "DELETE", path()), 403);
    EXPECT_EQ(as(role, "DELETE", path("/processes/web/instances/0")), 403);
    EXPECT_EQ(as(role, "POST", path("/processes/web/actions/scale")), 403);
    EXPECT_EQ(as(role, "POST", "/v3/deployments/" + deployment_.str() + "/actions/cancel"), 403);
  }
}

TEST_F(AccessTest, AnOrganizationsOrdinaryUserSeesNoApp) {
  EXPECT_EQ(as(model::RoleType::organization_user, "GET", path()), 404);
}

TEST_F(AccessTest, ARoleInAnotherSpaceCountsForNothing) {
  model::Space other;
  other.name = "other";
  other.org = org_.guid;
  other = insert(other);
  const auto user = make_user("ann");
  model::Role role;
  role.type = model::RoleType::space_developer;
  role.user = user.guid;
  role.space = other.guid;
  insert(role);
  log_in(user);
  EXPECT_EQ(get(path()).status, 404);
  EXPECT_EQ(get("/v3/apps").text("/resources"), "[]");
  EXPECT_EQ(get("/v3/apps?space_guids=" + space_.guid.str()).text("/resources"), "[]");
}

TEST_F(AccessTest, AJobIsShownToWhoAskedForIt) {
  log_in(make_user("ann", model::RoleType::space_developer));
  const Answer answer = del(path());
  const std::string location(*answer.headers.get("Location"));
  const std::string job = location.substr(std::string("http://api.test").size()) + "?wait=false";
  EXPECT_EQ(get(job).status, 200);
  EXPECT_EQ(as(model::RoleType::space_developer, "GET", job), 404);
}

TEST_F(AccessTest, EventsAreShownToWhoSeesTheSpace) {
  const std::string events = "/v3/audit_events?target_guids=" + app_.guid.str();
  log_in(make_user("ann", model::RoleType::space_auditor));
  const Answer seen = get(events);
  EXPECT_EQ(seen.text("/resources/0/type"), "audit.app.start");
  EXPECT_EQ(seen.text("/resources/0/actor/name"), "admin");
  EXPECT_EQ(seen.text("/resources/0/target/name"), "hello");
  EXPECT_EQ(seen.text("/resources/0/space/guid"), space_.guid.str());
  EXPECT_EQ(seen.text("/resources/0/organization/guid"), org_.guid.str());
  const std::string one = "/v3/audit_events/" + seen.text("/resources/0/guid");
  EXPECT_EQ(get(one).status, 200);
  EXPECT_EQ(as(std::nullopt, "GET", one), 404);
}

}  // namespace
}  // namespace nuri::api

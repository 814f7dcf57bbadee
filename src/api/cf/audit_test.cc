#include "api/cf/audit.h"

#include <gmock/gmock.h>

#include "api/cf/test_api.h"
#include "control/audit_log.h"

namespace nuri::api {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class AuditTest : public ApiTest {
 protected:
  // What the app's log is told of all that happened.
  std::vector<std::string> lines() {
    std::vector<std::string> out;
    for (const auto& event : events())
      if (std::string line = control::audit_line(event); !line.empty())
        out.push_back(std::move(line));
    return out;
  }
  std::vector<model::Event> events() {
    return store_.read(
        [](store::Reader& reader) { return reader.all(store::Query<model::Event>()); });
  }
  std::string create() {
    return post("/v3/apps",
                {{"name", "shop"},
                 {"relationships",
                  json::object{
                      {"space",
                       json::object{{"data", json::object{{"guid", space_.guid.str()}}}}}}}})
        .text("/guid");
  }
};

TEST_F(AuditTest, EveryVerbOfAnAppHasItsLineInTheAppsLog) {
  const std::string guid = create(), path = "/v3/apps/" + guid;
  const auto droplet = make_droplet(row(AppGuid(guid)));
  patch(path + "/relationships/current_droplet",
        {{"data", json::object{{"guid", droplet.guid.str()}}}});
  post(path + "/actions/start");
  post(path + "/processes/web/actions/scale", {{"instances", 3}});
  post(path + "/actions/restart");
  patch(path, {{"name", "store"}});
  post(path + "/actions/stop");
  EXPECT_THAT(lines(), ElementsAre("Created app with guid " + guid,
                                   "Updated app with guid " + guid + R"( ({"droplet_guid":")" +
                                       droplet.guid.str() + "\"})",
                                   "Starting app with guid " + guid, "Scaling process: \"web\"",
                                   "Restarted app with guid " + guid,
                                   "Updated app with guid " + guid + R"( ({"name":"store"}))",
                                   "Stopping app with guid " + guid));
}

TEST_F(AuditTest, NoValueOfAVariableIsInTheTrailOrTheLog) {
  const std::string path = "/v3/apps/" + create();
  patch(path + "/environment_variables", {{"var", json::object{{"PASSWORD", "hunter2"}}}});
  patch(path,
        {{"name", "store"}, {"environment_variables", json::object{{"PASSWORD", "hunter2"}}}});
  ASSERT_EQ(events().size(), 3u);
  for (const auto& event : events()) EXPECT_THAT(event.data, Not(HasSubstr("hunter2")));
  for (const auto& line : lines()) EXPECT_THAT(line, Not(HasSubstr("hunter2")));
}

TEST_F(AuditTest, WhatIsRefusedIsNotInTheTrail) {
  const std::string path = "/v3/apps/" + create();
  EXPECT_EQ(post(path + "/actions/start").status, 422);  // it has no droplet
  EXPECT_EQ(last_event(), "audit.app.create");
}

}  // namespace
}  // namespace nuri::api

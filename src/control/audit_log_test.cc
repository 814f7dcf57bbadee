#include "control/audit_log.h"

#include "control/test_control.h"

namespace nuri::control {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class AuditLogTest : public ControlTest {
 protected:
  model::Event event(const model::App& app, std::string type, std::string data = "{}") {
    model::Event out;
    out.type = std::move(type);
    out.target_type = "app";
    out.target_guid = app.guid.str();
    out.data = std::move(data);
    return out;
  }
};

TEST_F(AuditLogTest, TellsAnAppsLogWhatWasDoneToIt) {
  const auto app = make_app("shop");
  const std::string guid = app.guid.str();
  insert(event(app, "audit.app.create", R"({"request":{"name":"shop"}})"));
  insert(event(app, "audit.app.update", R"({"request":{"name":"store"}})"));
  insert(event(app, "audit.app.process.scale", R"({"process_type":"worker","instances":3})"));
  insert(event(app, "audit.app.stop"));
  insert(event(app, "audit.app.process.terminate_instance",
               R"({"process_type":"web","process_index":2})"));
  pass(1s);
  EXPECT_THAT(
      log_of(app),
      ElementsAre("API/0 Created app with guid " + guid,
                  "API/0 Updated app with guid " + guid + R"( ({"name":"store"}))",
                  "API/0 Scaling process: \"worker\"", "API/0 Stopping app with guid " + guid,
                  "API/0 Terminating process: \"web\", index: \"2\""));
}

TEST_F(AuditLogTest, KeepsTheOrderOfOneTransaction) {
  const auto app = make_app("shop");
  write([&](store::Writer& tx) {
    for (const char* type : {"audit.app.stop", "audit.app.start", "audit.app.restart"}) {
      auto row = event(app, type);
      row.guid = EventGuid::make(random_);
      tx.insert(row);
    }
  });
  pass(1s);
  const std::string guid = app.guid.str();
  EXPECT_THAT(log_of(app), ElementsAre("API/0 Stopping app with guid " + guid,
                                       "API/0 Starting app with guid " + guid,
                                       "API/0 Restarted app with guid " + guid));
}

TEST_F(AuditLogTest, TellsNothingOfATransactionThatWasRolledBack) {
  const auto app = make_app("shop");
  EXPECT_THROW(write([&](store::Writer& tx) {
                 auto row = event(app, "audit.app.stop");
                 row.guid = EventGuid::make(random_);
                 tx.insert(row);
                 throw Error(Code::conflict, "no");
               }),
               Error);
  pass(1s);
  EXPECT_THAT(log_of(app), IsEmpty());
}

TEST_F(AuditLogTest, DoesNotFloodALogWithALongRequest) {
  const auto app = make_app("shop");
  insert(
      event(app, "audit.app.update", R"({"request":{"x":")" + std::string(100'000, 'x') + "\"}}"));
  pass(1s);
  EXPECT_THAT(log_of(app), ElementsAre("API/0 Updated app with guid " + app.guid.str() + " (…)"));
}

TEST_F(AuditLogTest, MakesNoLogForAnAppThatIsGone) {
  model::App gone;
  gone.guid = AppGuid::make(random_);
  insert(event(gone, "audit.app.stop"));
  insert(event(make_app("other"), "audit.space.create"));
  pass(1s);
  EXPECT_EQ(logs_.token(gone.guid.str()), telemetry::LogToken{});
}

}  // namespace
}  // namespace nuri::control

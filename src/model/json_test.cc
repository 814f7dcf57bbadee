#include "model/json.h"

#include <gmock/gmock.h>

#include "model/app.h"
#include "model/noun.h"
#include "model/release.h"

namespace nuri::model {
namespace {

TEST(ModelJson, ReadsBackWhatItWrote) {
  Revision written;
  written.env = {{"A", "1"}};
  written.processes.resize(2);
  written.processes[1].command = "run";
  written.processes[1].health_check = {HealthCheckType::http, "/x", 1, std::nullopt, 3};
  written.created_at = WallTime{INT64_MAX};
  Revision read;
  from_json(to_json(written), read);
  EXPECT_EQ(read, written);
}

TEST(ModelJson, KeepsDefaultsForWhatAnOlderNuriDidNotWrite) {
  HealthCheck check;
  from_json(json::parse(R"({"type":"http","later":[1]})"), check);
  EXPECT_EQ(check.type, HealthCheckType::http);
  EXPECT_EQ(check.interval_s, std::nullopt);
}

TEST(ModelJson, NamesTheFieldOfAnotherType) {
  ProcessSettings settings;
  for (const auto& [text, field] : std::vector<std::pair<std::string, std::string>>{
           {R"({"memory_mb":"1"})", "memory_mb"},
           {R"({"memory_mb":1e99})", "memory_mb"},
           {R"({"memory_mb":3000000000})", "memory_mb"},
           {R"({"health_check":{"type":"ping"}})", "health_check: type"},
           {R"({"type":7})", "type"}}) {
    try {
      from_json(json::parse(text), settings);
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::data_loss);
      EXPECT_THAT(error.message(), testing::StartsWith(field + ":")) << text;
    }
  }
}

TEST(EnumTexts, GoBothWays) {
  EXPECT_EQ(to_text(AppState::started), "STARTED");
  EXPECT_EQ(from_text<AppState>("STOPPED"), AppState::stopped);
  EXPECT_EQ(from_text<AppState>("stopped"), std::nullopt);
  EXPECT_EQ(to_text(Noun::event), "event");
  EXPECT_EQ(from_text<Noun>("instance"), Noun::instance);
}

}  // namespace
}  // namespace nuri::model

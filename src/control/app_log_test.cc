#include "control/app_log.h"

#include "control/test_control.h"

namespace nuri::control {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class AppLogTest : public testing::Test {
 protected:
  std::vector<std::string> lines() {
    std::vector<std::string> out;
    for (const auto& line : logs_.read(app_.str(), {.sources = {}}))
      out.push_back(line.source + "/" + line.instance + " " + line.text);
    return out;
  }

  SeededRandom random_{1};
  async::SimulatedLoop loop_{1};
  async::SimulatedPool pool_{loop_, 5ms};
  telemetry::MemoryLogStore logs_;
  AppLog log_{logs_, pool_, loop_};
  AppGuid app_ = AppGuid::make(random_);
};

TEST_F(AppLogTest, WritesAsTheApiUnlessSaidOtherwise) {
  loop_.run(log_.write(app_, "Deployed"));
  loop_.run(log_.write(app_, "one\ntwo", 3, "STG"));
  EXPECT_THAT(lines(), ElementsAre("API/0 Deployed", "STG/3 one", "STG/3 two"));
}

TEST_F(AppLogTest, LosesALineThatCannotBeWrittenAndGoesOn) {
  class Full final : public telemetry::LogStore {
   public:
    void prepare(std::string_view) override { throw Error(Code::no_space, "the disk is full"); }
    void append(std::string_view, const telemetry::LogLine&) override {}
    std::vector<telemetry::LogLine> read(std::string_view,
                                         const telemetry::LogQuery&) const override {
      return {};
    }
    telemetry::LogToken token(std::string_view) const override { return {}; }
    void trim(std::string_view, std::uint64_t, const std::set<std::string>&) override {}
    void erase(std::string_view) override {}
  } full;
  AppLog log(full, pool_, loop_);
  EXPECT_NO_THROW(loop_.run(log.write(app_, "lost")));
}

TEST_F(AppLogTest, LeavesNothingOfAnAppThatIsErasedWhileALineIsUnderWay) {
  for (int round = 0; round < 50; ++round) {
    async::TaskGroup group(loop_);
    group.spawn(log_.write(app_, "a line"));
    group.spawn(log_.erase(app_));
    group.spawn(log_.write(app_, "a late line"));
    loop_.drive(kNever, [&] { return group.size() == 0; });
    ASSERT_THAT(lines(), IsEmpty());
    app_ = AppGuid::make(random_);
  }
}

TEST_F(AppLogTest, ErasesNothingOfOthers) {
  const AppGuid other = AppGuid::make(random_);
  loop_.run(log_.write(app_, "mine"));
  loop_.run(log_.erase(other));
  EXPECT_THAT(lines(), ElementsAre("API/0 mine"));
}

}  // namespace
}  // namespace nuri::control

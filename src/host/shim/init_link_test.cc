#include "host/shim/init_link.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/shim/exit_file.h"
#include "host/shim/launch.h"

namespace nuri::shim {
namespace {

using testing::ElementsAre;
using Kind = InitMessage::Kind;

TEST(InitLink, MessagesComeBackAsTheyWere) {
  for (const InitMessage& message :
       {InitMessage{.kind = Kind::ready}, InitMessage{.kind = Kind::here},
        InitMessage{.kind = Kind::go}, InitMessage{.kind = Kind::running},
        InitMessage{.kind = Kind::failed, .text = "why not: 100%"},
        InitMessage{.kind = Kind::stop, .signal = 15, .grace_ms = 10'000},
        InitMessage{.kind = Kind::ended, .status = 0x8b, .grace_exceeded = true}}) {
    auto back = parse_init_message(encode(message));
    ASSERT_TRUE(back.has_value()) << back.error();
    EXPECT_EQ(*back, message);
  }
  EXPECT_FALSE(parse_init_message("dance"));
  EXPECT_FALSE(parse_init_message("stop signal=x"));
}

TEST(Launch, ProgramsAreLookedForAlongThePath) {
  EXPECT_THAT(candidates("node", {"X=1", "PATH=/a:/b::"}),
              ElementsAre("/a/node", "/b/node", "./node", "./node"));
  EXPECT_THAT(candidates("bin/node", {"PATH=/a"}), ElementsAre("bin/node"));
  EXPECT_THAT(candidates("x", {}), testing::Contains("/usr/local/bin/x"));
}

TEST(ExitFile, CausesAreToldApart) {
  auto cause = [](int status, std::uint64_t oom_kills, bool stopped) {
    door::Exit exit;
    exit.oom_kills = oom_kills;
    exit.stop_requested = stopped;
    set_cause(exit, status);
    return exit;
  };
  EXPECT_EQ(cause(3 << 8, 0, false).cause, door::Cause::exited);
  EXPECT_EQ(cause(3 << 8, 0, false).code, 3);
  EXPECT_EQ(cause(3 << 8, 1, false).cause, door::Cause::exited);
  EXPECT_EQ(cause(11, 0, false).cause, door::Cause::signaled);
  EXPECT_EQ(cause(11 | 0x80, 0, false).signal, 11);
  EXPECT_EQ(cause(9, 0, false).cause, door::Cause::signaled);
  EXPECT_EQ(cause(9, 1, false).cause, door::Cause::out_of_memory);
  EXPECT_EQ(cause(9, 1, true).cause, door::Cause::signaled);
  EXPECT_EQ(cause(15, 1, false).cause, door::Cause::signaled);
}

}  // namespace
}  // namespace nuri::shim

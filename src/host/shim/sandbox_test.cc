#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "host/shim/sandbox_fixture.h"

namespace nuri::shim {
namespace {

using door::Cause;
using door::Handshake;
using testing::Contains;

#define ASSERT_STARTED(sandbox)                                      \
  do {                                                               \
    Handshake answer = (sandbox).start();                            \
    ASSERT_EQ(answer.step, Handshake::Step::started) << answer.text; \
  } while (false)

TEST(Sandbox, AnAppRunsAndItsOutputAndExitCodeAreKept) {
  TestSandbox sandbox;
  sandbox.sh("echo out; echo err >&2; exit 3");
  ASSERT_STARTED(sandbox);
  door::Exit exit = sandbox.wait_exit();
  EXPECT_EQ(exit.cause, Cause::exited);
  EXPECT_EQ(exit.code, 3);
  EXPECT_FALSE(exit.stop_requested);
  EXPECT_EQ(exit.oom_kills, 0U);
  EXPECT_GT(exit.started_ns, 0);
  EXPECT_GE(exit.ended_ns, exit.started_ns);
  EXPECT_THAT(sandbox.log(), testing::UnorderedElementsAre("O out", "E err"));
}

}  // namespace
}  // namespace nuri::shim

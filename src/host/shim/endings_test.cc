#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>

#include "host/shim/sandbox_fixture.h"

namespace nuri::shim {
namespace {

using door::Cause;
using door::Handshake;
using door::Verb;
using testing::Contains;
using testing::HasSubstr;
using Clock = std::chrono::steady_clock;

#define ASSERT_STARTED(sandbox)                                      \
  do {                                                               \
    Handshake answer = (sandbox).start();                            \
    ASSERT_EQ(answer.step, Handshake::Step::started) << answer.text; \
  } while (false)

TEST(Endings, EndBySignalIsTold) {
  TestSandbox sandbox;
  sandbox.sh("kill -SEGV $$");
  ASSERT_STARTED(sandbox);
  door::Exit exit = sandbox.wait_exit();
  EXPECT_EQ(exit.cause, Cause::signaled);
  EXPECT_EQ(exit.signal, SIGSEGV);
}

TEST(Endings, AnAppThatNeverThoughtOfSignalsStopsAtOnce) {
  TestSandbox sandbox;
  sandbox.spec.argv = {"/bin/sleep", "1000"};
  ASSERT_STARTED(sandbox);
  DoorClient ctl(sandbox.ctl_path());
  auto begin = Clock::now();
  EXPECT_TRUE(is_done(ctl.ask(stop_request())));
  door::Reply pushed = ctl.receive();
  auto took = Clock::now() - begin;
  ASSERT_TRUE(std::holds_alternative<door::Exit>(pushed.body)) << door::encode(pushed);
  door::Exit exit = sandbox.wait_exit();
  EXPECT_EQ(std::get<door::Exit>(pushed.body), exit);
  EXPECT_EQ(exit.cause, Cause::signaled);
  EXPECT_EQ(exit.signal, SIGTERM);
  EXPECT_TRUE(exit.stop_requested);
  EXPECT_FALSE(exit.grace_exceeded);
  EXPECT_LT(took, std::chrono::milliseconds(500));
  EXPECT_TRUE(ctl.at_end());
}

TEST(Endings, AnAppThatIgnoresItsSignalIsKilledAfterTheGrace) {
  TestSandbox sandbox;
  sandbox.sh("trap '' TERM; echo ready; while :; do sleep 1; done");
  ASSERT_STARTED(sandbox);
  ASSERT_TRUE(eventually([&] { return sandbox.log_has("O ready"); }));
  DoorClient ctl(sandbox.ctl_path());
  auto begin = Clock::now();
  EXPECT_TRUE(is_done(ctl.ask(stop_request(300))));
  door::Exit exit = sandbox.wait_exit();
  EXPECT_GE(Clock::now() - begin, std::chrono::milliseconds(300));
  EXPECT_EQ(exit.cause, Cause::signaled);
  EXPECT_EQ(exit.signal, SIGKILL);
  EXPECT_TRUE(exit.grace_exceeded);
}

TEST(Endings, ASecondStopMayShortenTheGrace) {
  TestSandbox sandbox;
  sandbox.sh("trap '' TERM; echo ready; while :; do sleep 1; done");
  ASSERT_STARTED(sandbox);
  ASSERT_TRUE(eventually([&] { return sandbox.log_has("O ready"); }));
  DoorClient ctl(sandbox.ctl_path());
  EXPECT_TRUE(is_done(ctl.ask(stop_request(60'000))));
  EXPECT_TRUE(is_done(ctl.ask(stop_request(0))));
  EXPECT_EQ(sandbox.wait_exit().signal, SIGKILL);
}

TEST(Endings, AStopWaitsForTheServerThatAShellStarted) {
  TestSandbox sandbox;
  sandbox.sh(
      "sh -c 'trap \"sleep 0.3; echo drained; exit 0\" TERM; echo ready; while :; do sleep 0.05; "
      "done'; echo never");
  ASSERT_STARTED(sandbox);
  ASSERT_TRUE(eventually([&] { return sandbox.log_has("O ready"); }));
  DoorClient ctl(sandbox.ctl_path());
  EXPECT_TRUE(is_done(ctl.ask(stop_request())));
  EXPECT_FALSE(sandbox.wait_exit().grace_exceeded);
  EXPECT_TRUE(sandbox.log_has("O drained"));
}

TEST(Endings, ASignalOfTheAppsOwnChoiceIsSent) {
  TestSandbox sandbox;
  sandbox.spec.stop_signal = SIGINT;
  sandbox.sh("trap 'echo int; exit 5' INT; echo ready; while :; do sleep 0.05; done");
  ASSERT_STARTED(sandbox);
  ASSERT_TRUE(eventually([&] { return sandbox.log_has("O ready"); }));
  DoorClient ctl(sandbox.ctl_path());
  EXPECT_TRUE(is_done(ctl.ask(stop_request())));
  door::Exit exit = sandbox.wait_exit();
  EXPECT_EQ(exit.cause, Cause::exited);
  EXPECT_EQ(exit.code, 5);
  EXPECT_TRUE(sandbox.log_has("O int"));
}

TEST(Endings, SigtermToTheShimStopsTheApp) {
  TestSandbox sandbox;
  sandbox.sh("trap 'echo asked; exit 0' TERM; echo ready; while :; do sleep 0.05; done");
  ASSERT_STARTED(sandbox);
  ASSERT_TRUE(eventually([&] { return sandbox.log_has("O ready"); }));
  ::kill(sandbox.shim(), SIGTERM);
  EXPECT_TRUE(sandbox.wait_exit().stop_requested);
  EXPECT_TRUE(sandbox.log_has("O asked"));
}

TEST(Endings, WhenTheAppEndsEverythingElseInsideEnds) {
  TestSandbox sandbox;
  sandbox.sh("setsid sleep 1000 & sleep 1000 & sleep 0.1; exit 0");
  ASSERT_STARTED(sandbox);
  EXPECT_EQ(sandbox.wait_exit().cause, Cause::exited);
  EXPECT_TRUE(sandbox.inside().empty());
  EXPECT_TRUE(is_gone(sandbox.init()));
}

TEST(Endings, MemoryOverTheLimitIsToldApart) {
  TestSandbox sandbox;
  sandbox.memory_limit = 24 << 20;
  sandbox.sh("x=0123456789; while :; do x=$x$x; done");
  ASSERT_STARTED(sandbox);
  door::Exit exit = sandbox.wait_exit();
  EXPECT_EQ(exit.cause, Cause::out_of_memory);
  EXPECT_GE(exit.oom_kills, 1U);
  EXPECT_EQ(exit.signal, SIGKILL);
}

TEST(Endings, AKilledAppIsNotOutOfMemory) {
  TestSandbox sandbox;
  sandbox.spec.argv = {"/bin/sleep", "1000"};
  ASSERT_STARTED(sandbox);
  ASSERT_EQ(sandbox.inside().size(), 1U);
  ::kill(sandbox.inside().front(), SIGKILL);
  door::Exit exit = sandbox.wait_exit();
  EXPECT_EQ(exit.cause, Cause::signaled);
  EXPECT_EQ(exit.signal, SIGKILL);
  EXPECT_FALSE(exit.stop_requested);
}

TEST(Endings, AKilledInitEndsTheSandboxAndIsTold) {
  TestSandbox sandbox;
  sandbox.spec.argv = {"/bin/sleep", "1000"};
  ASSERT_STARTED(sandbox);
  ::kill(sandbox.init(), SIGKILL);
  door::Exit exit = sandbox.wait_exit();
  EXPECT_EQ(exit.cause, Cause::sandbox_killed);
  EXPECT_TRUE(sandbox.inside().empty());
}

TEST(Endings, AKilledInitOfAFrozenSandboxEndsItToo) {
  TestSandbox sandbox;
  sandbox.spec.argv = {"/bin/sleep", "1000"};
  ASSERT_STARTED(sandbox);
  DoorClient ctl(sandbox.ctl_path());
  ASSERT_TRUE(is_done(ctl.ask({.verb = Verb::freeze})));
  ::kill(sandbox.init(), SIGKILL);
  EXPECT_EQ(sandbox.wait_exit().cause, Cause::sandbox_killed);
}

TEST(Endings, AKilledShimEndsTheSandboxAtOnce) {
  for (bool frozen : {false, true}) {
    TestSandbox sandbox;
    sandbox.sh("trap '' TERM HUP; while :; do sleep 1; done");
    ASSERT_STARTED(sandbox);
    if (frozen) {
      DoorClient ctl(sandbox.ctl_path());
      ASSERT_TRUE(is_done(ctl.ask({.verb = Verb::freeze})));
    }
    auto begin = Clock::now();
    ::kill(sandbox.shim(), SIGKILL);
    EXPECT_TRUE(sandbox.shim_ends());
    EXPECT_TRUE(eventually([&] { return is_gone(sandbox.init()); }));
    EXPECT_LT(Clock::now() - begin, std::chrono::seconds(1));
    EXPECT_TRUE(eventually([&] { return sandbox.inside().empty(); }));
    EXPECT_FALSE(sandbox.has_exit_file());
  }
}

TEST(Endings, AForkBombIsHeldAndCanBeStopped) {
  TestSandbox sandbox;
  sandbox.pids_limit = 20;
  sandbox.sh(
      "i=0; while [ $i -lt 14 ]; do sleep 1000 & i=$((i+1)); done;"
      "echo lit; (b() { b | b & }; b) & wait");
  ASSERT_STARTED(sandbox);
  DoorClient ctl(sandbox.ctl_path());
  ASSERT_TRUE(eventually([&] { return sandbox.log_has("O lit"); }));
  ASSERT_TRUE(eventually([&] {
    return read_file(sandbox.pids_file("pids.events")).find("max 0") == std::string::npos;
  }));
  EXPECT_TRUE(is_done(ctl.ask(stop_request(200))));
  door::Exit exit = sandbox.wait_exit();
  EXPECT_GT(exit.pids_denied, 0U);
  EXPECT_TRUE(sandbox.inside().empty());
}

TEST(Endings, AFullDiskIsTheAppsOwnAndIsTold) {
  TestSandbox sandbox;
  sandbox.disk_bytes = 8 << 20;
  sandbox.spec.own_dirs = {"/data"};
  sandbox.sh("dd if=/dev/zero of=/data/f bs=64k; dd if=/dev/zero of=/tmp/f bs=64k; exit 4");
  ASSERT_STARTED(sandbox);
  door::Exit exit = sandbox.wait_exit();
  EXPECT_EQ(exit.code, 4);
  EXPECT_TRUE(exit.disk_full);
  EXPECT_LE(exit.disk_total, 8U << 20);
  EXPECT_GT(exit.disk_used, 6U << 20);
  EXPECT_THAT(sandbox.log(), Contains(HasSubstr("No space left on device")));
}

}  // namespace
}  // namespace nuri::shim

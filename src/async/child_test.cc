#include "async/child.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include "async/deadline.h"
#include "async/signals.h"
#include "async/task_group.h"
#include "async/test_loops.h"
#include "async/test_sockets.h"
#include "base/error.h"

namespace nuri::async {
namespace {

Task<ProgramResult> shell(Loop& loop, std::string script, std::string input = {},
                          Duration limit = 10s) {
  co_return co_await run_program(loop, {"sh", "-c", std::move(script)}, std::move(input), limit);
}

// No child is left, neither running nor as a zombie.
void expect_no_children() {
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

ON_EACH_LOOP(ChildTest);

TYPED_TEST(ChildTest, ExitStatusSignalAndOutputComeBack) {
  TypeParam loop;
  const auto failed = loop.run(shell(loop, "echo out; echo err >&2; exit 7"));
  EXPECT_FALSE(failed.status.ok());
  EXPECT_EQ(describe(failed.status), "exit status 7");
  EXPECT_EQ(failed.out, "out\nerr\n");
  EXPECT_EQ(describe(loop.run(shell(loop, "kill -TERM $$")).status), "killed by SIGTERM");
  EXPECT_TRUE(loop.run(shell(loop, "true")).status.ok());
  expect_no_children();
}

TYPED_TEST(ChildTest, AMissingProgramIsNamed) {
  TypeParam loop;
  try {
    loop.run(run_program(loop, {"nuri-no-such-program"}, {}, 1s));
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), Code::not_found);
    EXPECT_NE(e.message().find("nuri-no-such-program"), std::string::npos);
  }
  expect_no_children();
}

TYPED_TEST(ChildTest, InputGoesInWholeAndOutputStopsAtItsLimit) {
  TypeParam loop;
  const std::string input(1 << 20, 'x');
  EXPECT_EQ(loop.run(shell(loop, "wc -c", input)).out, "1048576\n");
  const auto flooded = loop.run(shell(loop, "head -c 300000 /dev/zero | tr '\\0' y; exit 3"));
  EXPECT_EQ(flooded.out, std::string(64 * 1024, 'y'));
  EXPECT_EQ(flooded.status.code, 3);
}

TYPED_TEST(ChildTest, AProgramThatDoesNotReadItsInputIsNoHarm) {
  TypeParam loop;
  EXPECT_EQ(
      loop.run(shell(loop, "exec <&-; sleep 0.01; exit 4", std::string(1 << 20, 'x'))).status.code,
      4);
}

TYPED_TEST(ChildTest, TheLimitKillsAndIsAnError) {
  TypeParam loop;
  Code code = Code::internal;
  try {
    loop.run(run_program(loop, {"sleep", "100"}, {}, 10ms));
  } catch (const Error& e) {
    code = e.code();
  }
  EXPECT_EQ(code, Code::timeout);
  expect_no_children();
}

TYPED_TEST(ChildTest, WhatAProgramLeavesRunningIsNotWaitedFor) {
  TypeParam loop;
  const auto result = loop.run(shell(loop, "sleep 100 & echo $!"));
  EXPECT_TRUE(result.status.ok());
  const int left = std::stoi(result.out);
  EXPECT_EQ(::kill(left, SIGKILL), 0);
}

TYPED_TEST(ChildTest, DescriptorsArriveUnderTheirNumbersAlsoCrosswise) {
  TypeParam loop;
  loop.run([](Loop& on) -> Task<> {
    Pair out = pipe_pair(), first = pipe_pair(), second = pipe_pair();
    EXPECT_EQ(::write(first.b.get(), "first", 5), 5);
    EXPECT_EQ(::write(second.b.get(), "second", 6), 6);
    first.b.reset();
    second.b.reset();
    SpawnOptions options;
    const int a = first.a.get(), b = second.a.get();
    options.argv = {"sh", "-c", fmt::format("cat <&{}; cat <&{}", b, a)};
    options.out = out.b.get();
    options.more_fds = {{a, b}, {b, a}};
    Child child = Child::spawn(on, options);
    out.b.reset();
    EXPECT_TRUE((co_await child.wait())->ok());
    Descriptor output(on, std::move(out.a));
    EXPECT_EQ((co_await output.recv())->view(), "firstsecond");
  }(loop));
}

TYPED_TEST(ChildTest, AChildSeesNoDescriptorAndNoSignalSettingOfOurs) {
  TypeParam loop;
  const auto result = loop.run(shell(loop,
                                     "ls -l /proc/self/fd | grep -c -e socket -e eventpoll; "
                                     "grep -e SigBlk -e SigIgn /proc/self/status"));
  // glibc's spawn ignores its own two internal signals, 32 and 33.
  EXPECT_THAT(result.out, testing::MatchesRegex("0\nSigBlk:\t0{16}\nSigIgn:\t0{7}[01][08]0{7}\n"));
}

TYPED_TEST(ChildTest, FiftyAtOnceLeaveNoZombie) {
  TypeParam loop;
  loop.run([](Loop& on) -> Task<> {
    TaskGroup group(on);
    int seen = 0;
    for (int i = 0; i < 50; ++i)
      group.spawn([](Loop& l, int code, int& count) -> Task<> {
        const auto result = co_await shell(l, fmt::format("exit {}", code));
        EXPECT_EQ(result.status.code, code);
        ++count;
      }(on, i, seen));
    co_await group.join();
    EXPECT_EQ(seen, 50);
  }(loop));
  expect_no_children();
}

TYPED_TEST(ChildTest, OneThatIsDroppedIsKilledAndReaped) {
  TypeParam loop;
  loop.run([](Loop& on) -> Task<> {
    SpawnOptions options;
    options.argv = {"sleep", "100"};
    options.own_session = true;
    Child child = Child::spawn(on, options);
    EXPECT_EQ(::getsid(child.pid()), child.pid());
    Child moved = std::move(child);
    moved.signal(0);
    co_return;
  }(loop));
  expect_no_children();
}

ON_EACH_LOOP(SignalsTest);

TYPED_TEST(SignalsTest, ASignalIsAwaited) {
  sigset_t before;
  sigprocmask(SIG_SETMASK, nullptr, &before);
  TypeParam loop;
  loop.run([](Loop& on) -> Task<> {
    Signals signals(on, {SIGUSR1, SIGUSR2});
    ::raise(SIGUSR2);
    EXPECT_EQ(*co_await signals.next(), SIGUSR2);
    EXPECT_EQ((co_await within(1ms, signals.next())).error(), IoError::timed_out);
    ::raise(SIGUSR1);
    ::raise(SIGUSR1);  // signals of one number merge
    EXPECT_EQ(*co_await signals.next(), SIGUSR1);
  }(loop));
  sigprocmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace
}  // namespace nuri::async

// What a child process is given, and what it is not.

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include "async/child.h"
#include "async/deadline.h"
#include "async/epoll_loop.h"
#include "async/test_sockets.h"

namespace nuri::async {
namespace {

// What a program prints, run with `options`.
std::string output_of(std::vector<std::string> argv, SpawnOptions options = {}) {
  EpollLoop loop;
  Pair out = pipe_pair();
  options.argv = std::move(argv);
  options.out = out.b.get();
  return loop.run([](Loop& on, SpawnOptions with, Pair pipe) -> Task<std::string> {
    Child child = Child::spawn(on, with);
    pipe.b.reset();
    EXPECT_TRUE((co_await within(10s, child.wait()))->ok());
    EXPECT_LT(child.pid(), 0);  // the number may be another's from now on
    std::string text(4096, '\0');
    const auto n = ::read(pipe.a.get(), text.data(), text.size());
    co_return text.substr(0, static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
  }(loop, std::move(options), std::move(out)));
}

TEST(ChildSettingTest, BlockedSignalsOfOursAreNotBlockedInIt) {
  sigset_t set, before;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &set, &before);
  const std::string said = output_of({"grep", "SigBlk", "/proc/self/status"});
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  EXPECT_EQ(said, "SigBlk:\t0000000000000000\n");
}

TEST(ChildSettingTest, ItHasTheEnvironmentItWasGiven) {
  const std::vector<std::string> env = {"PATH=/usr/bin:/bin", "NURI_TEST=given"};
  SpawnOptions options;
  options.env = &env;
  EXPECT_EQ(output_of({"sh", "-c", "echo \"$NURI_TEST:$HOME\""}, std::move(options)), "given:\n");
}

TEST(ChildSettingTest, ItsInputIsNotOurs) {
  const Fd before(::fcntl(0, F_DUPFD_CLOEXEC, 3));
  Pair pipe = pipe_pair();
  ::dup2(pipe.a.get(), 0);
  const std::string said = output_of({"readlink", "/proc/self/fd/0"});
  if (before)
    ::dup2(before.get(), 0);
  else
    ::close(0);
  EXPECT_EQ(said, "/dev/null\n");
}

TEST(ChildSettingTest, DescriptorsThatChangePlacesLeaveNoCopies) {
  Pair one = pipe_pair(), two = pipe_pair();
  const int a = one.a.get(), b = two.a.get();
  SpawnOptions options;
  options.more_fds = {{a, b}, {b, a}};
  // Each of the two pipes is open in the shell once.
  const std::string script = fmt::format(
      "cd /proc/$$/fd; readlink * | grep -c -F -e \"$(readlink {})\" -e \"$(readlink {})\"", a, b);
  EXPECT_EQ(output_of({"sh", "-c", script}, std::move(options)), "2\n");
}

}  // namespace
}  // namespace nuri::async

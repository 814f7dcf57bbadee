#include "host/shim/cgroup.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "host/shim/sandbox_fixture.h"

namespace nuri::shim {
namespace {

namespace fs = std::filesystem;

TEST(Cgroup, NumbersAreFoundByTheirKey) {
  constexpr std::string_view kEvents =
      "low 0\nhigh 0\nmax 17\noom 3\noom_kill 2\noom_group_kill 1\n";
  EXPECT_EQ(number_after(kEvents, "oom_kill"), 2U);
  EXPECT_EQ(number_after(kEvents, "oom"), 3U);
  EXPECT_EQ(number_after(kEvents, "max"), 17U);
  EXPECT_EQ(number_after(kEvents, "absent"), 0U);
  EXPECT_EQ(number_after("usage_usec 123456\nuser_usec 1\n", "usage_usec"), 123456U);
  EXPECT_EQ(number_after("98765432101\n", ""), 98765432101U);
  EXPECT_EQ(number_after("max\n", ""), 0U);
  EXPECT_EQ(number_after("", ""), 0U);
  EXPECT_EQ(number_after("key", "key"), 0U);
}

// Version 2 for real, on a user's machine or on the cgroup2 mount of a hybrid one.
class Version2 : public testing::Test {
 protected:
  Version2() {
    std::string top = fs::exists("/sys/fs/cgroup/cgroup.controllers") ? "/sys/fs/cgroup"
                                                                      : "/sys/fs/cgroup/unified";
    path_ = top + "/nuri-cgrouptest-" + std::to_string(::getpid());
    fs::create_directory(path_);
  }
  ~Version2() override {
    if (child_ > 0) {
      ::kill(child_, SIGKILL);
      ::waitpid(child_, nullptr, 0);
    }
    EXPECT_TRUE(eventually([&] {
      ::rmdir((path_ + "/app").c_str());
      return ::rmdir(path_.c_str()) == 0 || !fs::exists(path_);
    }));
  }

  void spin() {
    child_ = ::fork();
    if (child_ == 0) {
      for (;;) {
      }
    }
  }
  std::uint64_t child_ticks() const {
    std::ifstream in("/proc/" + std::to_string(child_) + "/stat");
    std::string word;
    for (int i = 0; i < 14; ++i) in >> word;
    return std::stoull(word);
  }

  std::string path_;
  pid_t child_ = -1;
};

TEST_F(Version2, FreezesThawsAndKills) {
  Cgroups where;
  where.version = 2;
  where.unified = path_;
  auto cgroup = Cgroup::open(where);
  ASSERT_TRUE(cgroup.has_value()) << cgroup.error();
  spin();
  ASSERT_TRUE(cgroup->place_app(child_));
  ASSERT_TRUE(cgroup->open_files());
  EXPECT_EQ(read_file(path_ + "/app/cgroup.procs"), std::to_string(child_) + "\n");
  ASSERT_TRUE(eventually([&] { return child_ticks() > 1; }));
  ASSERT_TRUE(cgroup->freeze());
  EXPECT_EQ(number_after(read_file(path_ + "/app/cgroup.events"), "frozen"), 1U);
  ASSERT_TRUE(cgroup->thaw());
  std::uint64_t thawed_at = child_ticks();
  EXPECT_TRUE(eventually([&] { return child_ticks() > thawed_at; }));
  EXPECT_GT(cgroup->use().cpu_ns, 0U);
  ASSERT_TRUE(cgroup->freeze());
  EXPECT_TRUE(cgroup->kill());
  int status = 0;
  ASSERT_TRUE(eventually([&] { return ::waitpid(child_, &status, WNOHANG) == child_; }));
  child_ = -1;
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

TEST_F(Version2, AWholeSandboxRunsInIt) {
  TestSandbox sandbox;
  sandbox.spec.cgroups.version = 2;
  sandbox.spec.cgroups.unified = path_;
  sandbox.spec.argv = {"/bin/sleep", "1000"};
  door::Handshake answer = sandbox.start();
  ASSERT_EQ(answer.step, door::Handshake::Step::started) << answer.text;
  EXPECT_EQ(read_file(path_ + "/cgroup.procs"), std::to_string(sandbox.init()) + "\n");
  DoorClient ctl(sandbox.ctl_path());
  EXPECT_TRUE(std::holds_alternative<door::Done>(ctl.ask({.verb = door::Verb::freeze}).body));
  EXPECT_EQ(number_after(read_file(path_ + "/app/cgroup.events"), "frozen"), 1U);
  EXPECT_TRUE(std::holds_alternative<door::Done>(ctl.ask({.verb = door::Verb::stop}).body));
  EXPECT_EQ(sandbox.wait_exit().signal, SIGTERM);
}

TEST(Cgroup, AMissingDirectoryIsNamed) {
  Cgroups where{2, "/sys/fs/cgroup/no-such-place", "", "", "", ""};
  auto cgroup = Cgroup::open(where);
  ASSERT_FALSE(cgroup.has_value());
  EXPECT_EQ(cgroup.error(),
            "cannot open the cgroup /sys/fs/cgroup/no-such-place: No such file or directory");
}

}  // namespace
}  // namespace nuri::shim

#include "host/cgroup.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <future>

#include "base/error.h"
#include "base/random.h"
#include "host/kernel_file.h"
#include "host/test_wait.h"

namespace nuri::host {
namespace {

std::string random_name(const char* prefix) {
  SystemRandom random;
  return prefix + std::to_string(random.next() % 100'000'000);
}

// A process that waits to be killed, and is at the latest when the test ends.
class Victim {
 public:
  Victim() : pid_(::fork()) {
    if (pid_ == 0)
      for (;;) ::pause();
  }
  ~Victim() {
    if (pid_ > 0) end();
  }
  int pid() const { return pid_; }
  // Waits for its death by another's hand, at most 20 s.
  bool died() {
    int status = 0;
    if (!until([&] { return ::waitpid(pid_, &status, WNOHANG) == pid_; })) return false;
    pid_ = -1;
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  }

 private:
  void end() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  int pid_;
};

struct Group {
  CgroupTree& tree;
  std::string name;
  ~Group() { tree.remove(name); }
};

void freezes_kills_and_removes(CgroupTree& tree) {
  const Group parent{tree, random_name("nuri-test")};
  const std::string group = parent.name + "/app/one";
  tree.create(group, {});
  EXPECT_TRUE(tree.exists(group));
  EXPECT_THAT(tree.children(parent.name + "/app"), testing::ElementsAre("one"));
  EXPECT_FALSE(tree.events(group).populated);
  Victim victim;
  tree.enter(group, victim.pid());
  EXPECT_TRUE(tree.events(group).populated);
  tree.freeze(group, Frozen::yes);
  EXPECT_TRUE(until([&] { return tree.events(group).frozen; }));
  tree.kill(group);
  EXPECT_TRUE(victim.died()) << "a frozen process must die too";
  tree.remove(group);
  EXPECT_FALSE(tree.exists(group));
  tree.remove(group);  // twice is once
}

// As a shim leaves it that is killed while its app is frozen.
TEST(Cgroup, WhatIsFrozenInAChildDiesToo) {
  const auto tree = open_cgroups();
  const Group parent{*tree, random_name("nuri-test")};
  const std::string group = parent.name + "/one", app = group + "/app";
  tree->create(app, {});
  Victim victim;
  tree->enter(app, victim.pid());
  tree->freeze(app, Frozen::yes);
  ASSERT_TRUE(until([&] { return tree->events(app).frozen; }));
  tree->kill(group);
  EXPECT_TRUE(victim.died());
}

TEST(Cgroup, TwoMayRemoveOneAtTheSameTime) {
  const auto tree = open_cgroups();
  const Group parent{*tree, random_name("nuri-test")};
  const std::string group = parent.name + "/one";
  for (int i = 0; i < 30; ++i) {
    tree->create(group + "/app/below", {});
    auto other = std::async(std::launch::async, [&] { tree->remove(group); });
    EXPECT_NO_THROW(tree->remove(group));
    EXPECT_NO_THROW(other.get());
    ASSERT_FALSE(tree->exists(group));
  }
}

TEST(Cgroup, OfThisMachineFreezesKillsAndRemoves) { freezes_kills_and_removes(*open_cgroups()); }

TEST(Cgroup, Version2FreezesKillsAndRemoves) {
  // Where version 1 rules, an empty version 2 tree lies beside it.
  const bool beside = std::filesystem::exists("/sys/fs/cgroup/unified/cgroup.procs");
  freezes_kills_and_removes(
      *open_cgroups_v2(beside ? "/sys/fs/cgroup/unified" : "/sys/fs/cgroup", {}));
}

TEST(Cgroup, LimitsOfThisMachineHold) {
  const auto tree = open_cgroups();
  const Group group{*tree, random_name("nuri-test")};
  tree->create(group.name, {.memory_bytes = 32u << 20, .cpu_weight = 50, .pids = 3});
  int ready[2], result[2];
  ASSERT_EQ(::pipe(ready), 0);
  ASSERT_EQ(::pipe(result), 0);
  const pid_t pid = ::fork();
  if (pid == 0) {
    char c;
    if (::read(ready[0], &c, 1) != 1) ::_exit(1);
    char forked = 0;
    pid_t children[8];
    for (; forked < 8; ++forked) {
      children[static_cast<int>(forked)] = ::fork();
      if (children[static_cast<int>(forked)] < 0) break;
      if (children[static_cast<int>(forked)] == 0)
        for (;;) ::pause();
    }
    if (::write(result[1], &forked, 1) != 1) ::_exit(1);
    volatile char* big = static_cast<char*>(std::malloc(128u << 20));
    for (std::size_t i = 0; i < 128u << 20; i += 4096) big[i] = 1;
    ::_exit(0);
  }
  tree->enter(group.name, pid);
  ASSERT_EQ(::write(ready[1], "g", 1), 1);
  char forked = 100;
  ASSERT_EQ(::read(result[0], &forked, 1), 1);
  EXPECT_EQ(forked, 2) << "three processes with itself";
  int status = 0;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_TRUE(WIFSIGNALED(status)) << "it took four times its memory";
  EXPECT_TRUE(until([&] { return tree->events(group.name).oom_kills >= 1; }));
  EXPECT_GT(tree->stats(group.name).cpu_ns, 0u);
  for (const int fd : {ready[0], ready[1], result[0], result[1]}) ::close(fd);
}

// Directories that look like the kernel's: writes are kept, reads are what was recorded.
class Recorded : public testing::Test {
 protected:
  Recorded() : root_("/tmp/" + random_name("nuri-cgroup-")) {}
  ~Recorded() override { std::filesystem::remove_all(root_); }
  void put(const std::string& path, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(root_ + "/" + path).parent_path());
    std::ofstream(root_ + "/" + path) << text;
  }
  std::string get(const std::string& path) { return read_file(root_ + "/" + path); }
  std::string root_;
};

TEST_F(Recorded, Version2WritesItsLimits) {
  put("cgroup.controllers", "cpuset cpu io memory pids\n");
  put("cgroup.subtree_control", "cpu memory pids\n");
  put("nuri-x/cgroup.subtree_control", "cpu memory pids\n");
  for (const char* f : {"memory.max", "memory.swap.max", "cpu.weight", "cpu.max", "pids.max"})
    put(std::string("nuri-x/a/") + f, "");
  const auto tree = open_cgroups_v2(root_, {"cpu", "memory", "pids"});
  tree->create("nuri-x/a",
               {.memory_bytes = 1 << 20, .cpu_weight = 20, .cpu_millis = 1500, .pids = 7});
  EXPECT_EQ(get("nuri-x/a/memory.max"), "1048576");
  EXPECT_EQ(get("nuri-x/a/memory.swap.max"), "0");
  EXPECT_EQ(get("nuri-x/a/cpu.weight"), "20");
  EXPECT_EQ(get("nuri-x/a/cpu.max"), "150000 100000");
  EXPECT_EQ(get("nuri-x/a/pids.max"), "7");
}

TEST_F(Recorded, Version2HandsControllersDown) {
  put("cgroup.controllers", "cpu memory pids\n");
  put("cgroup.subtree_control", "cpu memory pids\n");
  put("nuri-x/cgroup.subtree_control", "cpu memory\n");
  put("nuri-x/a/pids.max", "");
  open_cgroups_v2(root_, {"cpu", "memory", "pids"})->create("nuri-x/a", {});
  EXPECT_THAT(get("nuri-x/cgroup.subtree_control"), testing::StartsWith("+pids"));
}

TEST_F(Recorded, Version2ReadsStatisticsAndEvents) {
  put("cgroup.controllers", "cpu memory pids\n");
  put("g/memory.current", "5000\n");
  put("g/memory.stat", "anon 4096\nfile 100\n");
  put("g/cpu.stat", "usage_usec 12\nuser_usec 10\n");
  put("g/pids.current", "3\n");
  put("g/cgroup.events", "populated 1\nfrozen 0\n");
  put("g/memory.events", "low 0\noom 1\noom_kill 2\n");
  const auto tree = open_cgroups_v2(root_, {});
  const CgroupStats s = tree->stats("g");
  EXPECT_EQ(s.memory_bytes, 5000u);
  EXPECT_EQ(s.memory_anon_bytes, 4096u);
  EXPECT_EQ(s.cpu_ns, 12'000u);
  EXPECT_EQ(s.pids, 3u);
  const CgroupEvents e = tree->events("g");
  EXPECT_EQ(e.oom_kills, 2u);
  EXPECT_TRUE(e.populated);
  EXPECT_FALSE(e.frozen);
}

TEST_F(Recorded, WhatIsMissingIsNamed) {
  put("cgroup.controllers", "cpu pids\n");
  try {
    open_cgroups_v2(root_, {"cpu", "memory"});
    FAIL() << "must throw";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), Code::unavailable);
    EXPECT_THAT(e.message(), testing::HasSubstr("memory"));
  }
  put("memory/x", "");
  EXPECT_THROW(open_cgroups_v1(root_), Error);
}

TEST(Cgroup, WeightsMapOntoShares) {
  EXPECT_EQ(shares_of_weight(100), 1024u);
  EXPECT_EQ(shares_of_weight(1), 10u);
  EXPECT_EQ(shares_of_weight(10'000), 102'400u);
}

}  // namespace
}  // namespace nuri::host

#include "host/instances.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/error.h"
#include "host/netlink.h"
#include "host/test_host.h"

namespace nuri::host {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class InstancesTest : public testing::Test {
 protected:
  // Nothing of the instance is left on the machine.
  void expect_no_trace(const std::string& guid) {
    const Realm& r = host_.realm();
    for (const char* part : {"app", "build", "shim"})
      EXPECT_FALSE(host_.cgroups().exists(r.cgroup() + "/" + part + "/" + guid)) << part;
    EXPECT_NE(::access((r.instances_dir() + "/" + guid).c_str(), F_OK), 0);
    EXPECT_NE(::access((r.records_dir() + "/" + guid + ".json").c_str(), F_OK), 0);
    EXPECT_NE(::access((r.records_dir() + "/" + guid + ".err").c_str(), F_OK), 0);
    EXPECT_NE(::access(host_.disks().path(guid).c_str(), F_OK), 0);
    Netlink netlink;
    EXPECT_TRUE(until([&] { return netlink.index_of(r.interface(0)) == 0; }));
    EXPECT_THAT(read_file("/proc/self/mountinfo"), testing::Not(HasSubstr(guid)));
  }
  TestHost host_;
};

TEST_F(InstancesTest, AnAppRunsAndItsEndIsTold) {
  const StartInstance r = host_.request(
      {"env,PORT", "env,COLOUR", "env,CF_INSTANCE_ADDR", "grep,uid,/proc/self/status,Uid:\t",
       "cat,host,/etc/hostname", "cat,dns,/etc/resolv.conf", "exit,7"});
  const Started started = host_.instances().start(r, {});
  EXPECT_EQ(started.guid, r.guid);
  EXPECT_EQ(started.address, host_.realm().address(0).str());
  EXPECT_GT(started.shim_pid, 0);
  ASSERT_TRUE(host_.wait_end(r.guid));
  EXPECT_EQ(host_.exit_of(r.guid).code, 7);
  auto said = host_.said();
  EXPECT_EQ(said["PORT"], "8080");
  EXPECT_EQ(said["COLOUR"], "blue sky");
  EXPECT_EQ(said["CF_INSTANCE_ADDR"], started.address + ":8080");
  EXPECT_EQ(said["uid"], "1000\t1000\t1000\t1000");
  EXPECT_EQ(said["host"], r.guid.substr(0, 8));
  EXPECT_EQ(said["dns"], "nameserver " + host_.realm().gateway().str());
  ASSERT_EQ(host_.instances().list({}).instances.size(), 1u);
  EXPECT_EQ(host_.instances().list({}).instances[0].state, InstanceState::exited);
  host_.instances().remove({r.guid, false});
  EXPECT_THAT(host_.instances().list({}).instances, IsEmpty());
  expect_no_trace(r.guid);
}

TEST_F(InstancesTest, WhatNeedsPrivilegeIsRefusedInside) {
  auto said =
      host_.run(host_.request({"forbidden", "grep,caps,/proc/self/status,CapEff:\t",
                               "grep,bounding,/proc/self/status,CapBnd:\t",
                               "grep,privileges,/proc/self/status,NoNewPrivs:\t",
                               "grep,seccomp,/proc/self/status,Seccomp:\t", "say,end,yes"}));
  EXPECT_EQ(said["end"], "yes");
  for (const char* what : {"mount", "unshare", "setuid", "raw", "packet", "mknod", "chroot",
                           "hostname", "sysctl", "kcore", "cgroup", "killinit"}) {
    ASSERT_TRUE(said.contains(what)) << what;
    EXPECT_NE(said[what], "DONE") << what;
  }
  EXPECT_EQ(said["caps"], "0000000000000000");
  EXPECT_EQ(said["privileges"], "1");
  EXPECT_EQ(said["seccomp"], "2");
}

TEST_F(InstancesTest, ItsLimitsHold) {
  StartInstance r = host_.request({"forks,children,100", "write,disk,/work-file,100000000",
                                   "write,shm,/dev/shm/x,100000000", "say,end,yes"});
  r.limits.shm_bytes = 4u << 20;
  auto said = host_.run(r);
  EXPECT_EQ(said["end"], "yes");
  EXPECT_LT(std::stoi(said["children"]), 32);
  EXPECT_GT(std::stoi(said["children"]), 8);
  EXPECT_EQ(said["disk"], "Permission denied") << "the image's own root directory is root's";
  EXPECT_EQ(said["shm"], "No space left on device");
}

TEST_F(InstancesTest, ItsDiskIsBounded) {
  auto said = host_.run(host_.request({"write,tmp,/tmp/x,100000000", "say,end,yes"}));
  EXPECT_EQ(said["tmp"], "No space left on device");
  EXPECT_EQ(said["end"], "yes");
}

TEST_F(InstancesTest, TooMuchMemoryIsToldFromOtherDeaths) {
  host_.run(host_.request({"eat,200000000"}));
  EXPECT_EQ(host_.last_exit().cause, door::Cause::out_of_memory);
}

TEST_F(InstancesTest, AProgramThatIsNotThereIsAnErrorAndLeavesNothing) {
  StartInstance r = host_.request({});
  r.argv = {"/bin/nothing"};
  try {
    host_.instances().start(r, {});
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), Code::unprocessable);
    EXPECT_THAT(e.message(), HasSubstr("/bin/nothing"));
  }
  EXPECT_THAT(host_.instances().list({}).instances, IsEmpty());
  expect_no_trace(r.guid);
}

TEST_F(InstancesTest, ALayerThatIsNotThereIsNamed) {
  StartInstance r = host_.request({"wait"});
  r.layers.push_back(Digest::of("never added"));
  try {
    host_.instances().start(r, {});
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), Code::not_found);
    EXPECT_THAT(e.message(), HasSubstr(Digest::of("never added").str()));
  }
  expect_no_trace(r.guid);
}

TEST_F(InstancesTest, AShimThatCannotStartIsAnErrorAndLeavesNothing) {
  host_.settings().shim_program = "/usr/bin/false";
  const StartInstance r = host_.request({"wait"});
  EXPECT_THROW(host_.instances().start(r, {}), Error);
  expect_no_trace(r.guid);
}

TEST_F(InstancesTest, TheSameGuidTwiceIsAConflict) {
  const StartInstance r = host_.request({"wait"});
  host_.instances().start(r, {});
  try {
    host_.instances().start(r, {});
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), Code::conflict);
  }
  EXPECT_EQ(host_.instances().list({}).instances.at(0).state, InstanceState::running)
      << "the first one is untouched";
}

TEST_F(InstancesTest, ARunningOneIsRemovedOnlyWithForce) {
  const StartInstance r = host_.request({"wait"});
  host_.instances().start(r, {});
  EXPECT_THROW(host_.instances().remove({r.guid, false}), Error);
  host_.instances().remove({r.guid, true});
  expect_no_trace(r.guid);
  host_.instances().remove({r.guid, true});  // gone is gone
}

TEST_F(InstancesTest, AKilledShimTakesItsSandboxAlong) {
  const StartInstance r = host_.request({"say,up,yes", "wait"});
  const Started s = host_.instances().start(r, {});
  const std::string cgroup = host_.realm().cgroup() + "/app/" + r.guid;
  ASSERT_TRUE(host_.cgroups().events(cgroup).populated);
  ::kill(s.shim_pid, SIGKILL);
  ASSERT_TRUE(host_.wait_end(r.guid));
  EXPECT_FALSE(host_.cgroups().exists(cgroup));
  EXPECT_EQ(host_.instances().list({}).instances.at(0).state, InstanceState::exited);
  host_.instances().remove({r.guid, false});
  expect_no_trace(r.guid);
}

TEST_F(InstancesTest, ANewHostFindsWhatRunsAndWhatEnded) {
  const StartInstance lives = host_.request({"wait"});
  const StartInstance dies = host_.request({"wait"});
  const Started first = host_.instances().start(lives, {});
  const Started second = host_.instances().start(dies, {});
  ::kill(second.shim_pid, SIGKILL);
  ASSERT_TRUE(until([&] { return !find_process(second.shim_pid, second.shim_start_time); }));
  host_.restart();
  const auto list = host_.instances().list({}).instances;
  ASSERT_EQ(list.size(), 2u);
  for (const InstanceInfo& i : list) {
    EXPECT_EQ(i.state, i.guid == lives.guid ? InstanceState::running : InstanceState::exited);
    if (i.guid == lives.guid) EXPECT_EQ(i.shim_pid, first.shim_pid);
  }
  // Still watched, and still what it was.
  EXPECT_EQ(host_.instances().stats(lives.guid).pids, 2u) << "init and the app";
  ::kill(first.shim_pid, SIGKILL);
  EXPECT_TRUE(host_.wait_end(lives.guid));
}

TEST_F(InstancesTest, AStartThatWasCutShortIsSweptByTheNextHost) {
  const StartInstance r = host_.request({"wait"});
  const Started s = host_.instances().start(r, {});
  // As if the host had died between the shim's word and its own note of it.
  InstanceRecord record = load_records(host_.realm()).at(0);
  record.started = false;
  save(host_.realm(), record);
  host_.restart();
  EXPECT_THAT(host_.instances().list({}).instances, IsEmpty());
  EXPECT_FALSE(find_process(s.shim_pid, s.shim_start_time));
  expect_no_trace(r.guid);
}

TEST_F(InstancesTest, ABuildHasItsInputOutputAndCache) {
  StartInstance r =
      host_.request({"copy", "write,cache,/cache/x,1000", "write,work,/workspace/x,1000"});
  r.kind = InstanceKind::build;
  r.mounts = {ExtraMount::cache};
  int in[2], out[2];
  ASSERT_EQ(::pipe2(in, O_CLOEXEC), 0);
  ASSERT_EQ(::pipe2(out, O_CLOEXEC), 0);
  Fd to(in[1]), from(out[0]);
  {
    std::vector<Fd> theirs;
    theirs.emplace_back(in[0]);
    theirs.emplace_back(out[1]);
    host_.instances().start(r, theirs);
  }
  ASSERT_EQ(::write(to.get(), "the source", 10), 10);
  to.reset();
  char buffer[64];
  ASSERT_EQ(::read(from.get(), buffer, sizeof buffer), 10);
  EXPECT_EQ(::read(from.get(), buffer, sizeof buffer), 0) << "the output ends with the build";
  ASSERT_TRUE(host_.wait_end(r.guid));
  host_.instances().remove({r.guid, false});
  auto said = host_.said();
  EXPECT_EQ(said["cache"], "written");
  EXPECT_EQ(said["work"], "written");
  // The next build finds it.
  StartInstance next = host_.request({"count,entries,/cache"});
  next.kind = InstanceKind::build;
  next.mounts = {ExtraMount::cache};
  std::vector<Fd> none;
  none.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  none.emplace_back(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  host_.instances().start(next, none);
  ASSERT_TRUE(host_.wait_end(next.guid));
  EXPECT_EQ(host_.said()["entries"], "4") << "., .., lost+found, x";
}

}  // namespace
}  // namespace nuri::host

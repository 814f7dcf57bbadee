#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "host/shim/sandbox_fixture.h"

namespace nuri::shim {
namespace {

using door::Cause;
using door::Handshake;
using door::Verb;
using testing::Contains;
using testing::HasSubstr;

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

TEST(Sandbox, AnAppHasItsUserItsEnvironmentAndNoPrivileges) {
  TestSandbox sandbox;
  sandbox.spec.env.push_back("SECRET=a b\nc");
  sandbox.spec.cwd = "/www";
  sandbox.spec.rlimits = {{"nofile", 100, 200}};
  sandbox.spec.groups = {7};
  sandbox.spec.own_dirs = {"/work/here"};
  sandbox.spec.hosts = "10.1.2.3 me\n";
  sandbox.spec.resolv_conf = "nameserver 10.1.2.1\n";
  sandbox.sh(
      "id; pwd; ulimit -n; env; grep -E '^(Cap|NoNew)' /proc/self/status; echo pid $$;"
      "echo x > /work/here/f && echo wrote; echo x > /f || echo refused; echo y > /tmp/f && echo "
      "tmp;"
      "cat /etc/hosts /etc/resolv.conf; echo via > /dev/stdout; echo viaerr > /dev/stderr;"
      "touch /.nuri/init || echo readonly; ls -n / | grep www");
  ASSERT_STARTED(sandbox);
  EXPECT_EQ(sandbox.wait_exit().code, 0);
  std::vector<std::string> log = sandbox.log();
  for (const char* line :
       {"O uid=1000 gid=1000 groups=7", "O /www", "O 100", "O SECRET=a b", "O c",
        "O CapInh:\t0000000000000000", "O CapPrm:\t0000000000000000", "O CapEff:\t0000000000000000",
        "O CapAmb:\t0000000000000000", "O NoNewPrivs:\t1", "O pid 2", "O wrote", "O refused",
        "O tmp", "O 10.1.2.3 me", "O nameserver 10.1.2.1", "O via", "E viaerr", "O readonly"}) {
    EXPECT_THAT(log, Contains(line));
  }
  // The store range's files are root's inside.
  EXPECT_THAT(log, Contains(testing::ContainsRegex(" 0 +0 .* www$")));
}

TEST(Sandbox, ACommandThatIsNotThereFailsTheStartWithAReason) {
  TestSandbox sandbox;
  sandbox.spec.argv = {"nodejs", "server.js"};
  Handshake answer = sandbox.start();
  EXPECT_EQ(answer.step, Handshake::Step::failed);
  EXPECT_EQ(answer.text, "cannot run \"nodejs\": command not found in PATH (/bin)");
  door::Exit exit = sandbox.wait_exit();
  EXPECT_EQ(exit.cause, Cause::start_failed);
  EXPECT_EQ(exit.text, answer.text);
  EXPECT_TRUE(sandbox.log_has("E " + answer.text));
}

TEST(Sandbox, AMissingInterpreterAndAFileThatMayNotRunAreTold) {
  {
    TestSandbox sandbox;
    std::string layer = sandbox.add_layer();
    std::ofstream(layer + "/run") << "#!/usr/bin/python9\n";
    std::filesystem::permissions(layer + "/run", std::filesystem::perms(0755));
    sandbox.spec.argv = {"/run"};
    Handshake answer = sandbox.start();
    EXPECT_THAT(answer.text, HasSubstr("cannot run \"/run\": the program that its first line"));
  }
  TestSandbox sandbox;
  std::string layer = sandbox.add_layer();
  std::ofstream(layer + "/run") << "data";
  sandbox.spec.argv = {"/run"};
  Handshake answer = sandbox.start();
  EXPECT_EQ(answer.text, "cannot run \"/run\": execve: Permission denied");
}

TEST(Sandbox, ABrokenSpecFailsTheStart) {
  TestSandbox sandbox;
  sandbox.sh("true");
  sandbox.spec.lowers.push_back("/tmp/../etc");
  Handshake answer = sandbox.start();
  EXPECT_EQ(answer.step, Handshake::Step::failed);
  EXPECT_THAT(answer.text, HasSubstr("bad value for \"lower\""));
}

TEST(Sandbox, ASpecThatOthersCanReadIsRefused) {
  TestSandbox sandbox;
  sandbox.sh("true");
  sandbox.spec_mode = 0644;
  EXPECT_THAT(sandbox.start().text, HasSubstr("shim.spec must be root's alone"));
}

TEST(Sandbox, AMissingLayerFailsTheStartByName) {
  TestSandbox sandbox;
  sandbox.sh("true");
  sandbox.spec.lowers.push_back(sandbox.root() + "/gone");
  Handshake answer = sandbox.start();
  EXPECT_EQ(answer.step, Handshake::Step::failed);
  EXPECT_THAT(answer.text, HasSubstr("/gone: No such file or directory"));
  EXPECT_EQ(sandbox.wait_exit().cause, Cause::start_failed);
}

TEST(Sandbox, AFloodOfOutputIsBoundedAndCounted) {
  TestSandbox sandbox;
  sandbox.sh("yes 0123456789");
  ASSERT_STARTED(sandbox);
  DoorClient ctl(sandbox.ctl_path());
  EXPECT_TRUE(eventually([&] {
    auto reply = ctl.ask({.verb = Verb::stats});
    return std::get<door::Stats>(reply.body).log_lines_dropped > 100'000;
  }));
  EXPECT_TRUE(is_done(ctl.ask(stop_request())));
  door::Exit exit = sandbox.wait_exit();
  std::uint64_t dropped = 0, kept = 0;
  for (const std::string& record : sandbox.log()) {
    if (record.starts_with("D ")) dropped += std::stoull(record.substr(2));
    if (record.starts_with("O ")) ++kept;
  }
  EXPECT_EQ(dropped, exit.log_lines_dropped);
  EXPECT_GE(kept, 2000U);
}

TEST(Sandbox, ALogThatCannotBeWrittenDoesNotStopTheApp) {
  TestSandbox sandbox;
  std::filesystem::remove_all(sandbox.spec.log_dir);
  sandbox.sh(
      "i=0; while [ $i -lt 3000 ]; do echo 0123456789012345678901234567890123456789;"
      "i=$((i+1)); done; exit 6");
  ASSERT_STARTED(sandbox);
  door::Exit exit = sandbox.wait_exit();
  EXPECT_EQ(exit.code, 6);
  EXPECT_EQ(exit.log_lines_dropped, 3000U);
  std::filesystem::create_directory(sandbox.spec.log_dir);
}

TEST(Sandbox, AnExtraMountIsThereAndReadOnly) {
  TestSandbox sandbox;
  std::string extra = sandbox.root() + "/extra";
  std::filesystem::create_directories(extra + "/stored");
  std::ofstream(extra + "/f") << "from outside\n";
  ASSERT_EQ(::chown((extra + "/stored").c_str(), sandbox.spec.ids.store_base + 1000,
                    sandbox.spec.ids.store_base + 1000),
            0);
  sandbox.spec.mounts = {{MountKind::plain_tree, Access::read_only, extra, "/nuri/packs"},
                         {MountKind::plain_tree, Access::read_only, extra + "/f", "/nuri/file"},
                         {MountKind::stored_tree, Access::read_write, extra + "/stored", "/cache"}};
  sandbox.sh("cat /nuri/packs/f /nuri/file; touch /nuri/packs/x || echo ro; echo kept > /cache/k");
  ASSERT_STARTED(sandbox);
  EXPECT_EQ(sandbox.wait_exit().code, 0);
  EXPECT_THAT(sandbox.log(), testing::IsSupersetOf({"O from outside", "O from outside", "O ro"}));
  EXPECT_EQ(read_file(extra + "/stored/k"), "kept\n");
}

TEST(Sandbox, ALinkOfTheImageLeadsNowhereOutside) {
  TestSandbox sandbox;
  std::string outside = sandbox.root() + "/outside";
  std::filesystem::create_directory(outside);
  std::string layer = sandbox.add_layer();
  std::filesystem::create_directory_symlink("../../../../../../.." + outside, layer + "/evil");
  std::filesystem::create_directory_symlink(outside, layer + "/data");
  sandbox.spec.hosts = "x\n";
  sandbox.spec.own_dirs = {"/data/mine", "/evil/mine"};
  sandbox.sh("true");
  (void)sandbox.start();
  EXPECT_TRUE(std::filesystem::is_empty(outside));
}

TEST(Sandbox, ABuildHasItsInputAndOutputOnThreeAndFour) {
  TestSandbox sandbox;
  sandbox.spec.kind = Kind::build;
  sandbox.spec.log_source = "STG";
  sandbox.sh("cat <&3 >&4; echo built; exit 20");
  int input[2], output[2];
  ASSERT_EQ(::pipe2(input, O_CLOEXEC), 0);
  ASSERT_EQ(::pipe2(output, O_CLOEXEC), 0);
  Fd in_read(input[0]), in_write(input[1]), out_read(output[0]), out_write(output[1]);
  Handshake answer = sandbox.start(in_read.get(), out_write.get());
  ASSERT_EQ(answer.step, Handshake::Step::started) << answer.text;
  in_read.reset();
  out_write.reset();
  ASSERT_EQ(::write(in_write.get(), "source", 6), 6);
  in_write.reset();
  char bytes[64];
  std::string built;
  for (ssize_t n = 0; (n = ::read(out_read.get(), bytes, sizeof bytes)) > 0;) {
    built.append(bytes, static_cast<std::size_t>(n));
  }
  EXPECT_EQ(built, "source");
  EXPECT_EQ(sandbox.wait_exit().code, 20);
  EXPECT_TRUE(sandbox.log_has("O built"));
}

TEST(Sandbox, TwoInstancesOfOneLayerHaveTheirOwnFiles) {
  TestSandbox one, two;
  two.spec.lowers = one.spec.lowers;
  two.spec.ids.instance_base += two.spec.ids.size;
  for (TestSandbox* sandbox : {&one, &two}) {
    sandbox->spec.own_dirs = {"/data"};
    sandbox->sh("[ -e /data/f ] && exit 9; echo x > /data/f; echo ready; exec sleep 1000");
    ASSERT_STARTED(*sandbox);
  }
  EXPECT_TRUE(eventually([&] { return one.log_has("O ready") && two.log_has("O ready"); }));
  for (TestSandbox* sandbox : {&one, &two}) {
    DoorClient ctl(sandbox->ctl_path());
    EXPECT_TRUE(is_done(ctl.ask(stop_request())));
    EXPECT_EQ(sandbox->wait_exit().signal, SIGTERM);
  }
}

TEST(Sandbox, AHostThatGoesAwayBeforeTheStartLeavesNothing) {
  TestSandbox sandbox;
  sandbox.spec.argv = {"/bin/sleep", "1000"};
  sandbox.abandon();
  EXPECT_TRUE(sandbox.shim_ends());
  EXPECT_TRUE(sandbox.inside().empty());
}

}  // namespace
}  // namespace nuri::shim

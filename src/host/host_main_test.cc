// A whole host as a process of its own, killed and started again.

#include "host/host_main.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>

#include "async/epoll_loop.h"
#include "host/netlink.h"
#include "host/program.h"
#include "host/test_client.h"
#include "host/test_host.h"

namespace nuri::host {
namespace {

using testing::HasSubstr;
using testing::Not;

class HostProcessTest : public testing::Test {
 public:
  ~HostProcessTest() override { end(SIGKILL); }

  void begin() { pid_ = spawn(); }
  pid_t spawn() {
    const Realm& r = host_.realm();
    const pid_t pid = ::fork();
    if (pid == 0) {
      ::execl("/proc/self/exe", "host_test", "host", r.name.c_str(), r.state_dir.c_str(),
              r.run_dir.c_str(), nullptr);
      ::_exit(127);
    }
    return pid;
  }
  // The exit code, or 128 + signal.
  int end(int signal) {
    if (pid_ <= 0) return -1;
    ::kill(pid_, signal);
    return reap(std::exchange(pid_, -1));
  }
  static int reap(pid_t pid) {
    int status = 0;
    ::waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

  template <class T>
  T ask(Request request) {
    return std::get<T>(loop_.run(ask_once(*this, std::move(request))));
  }
  // As any client must: a host that was just killed may still take a connection, and break it.
  static Task<Reply> ask_once(HostProcessTest& t, Request request) {
    std::optional<Reply> reply;
    const bool answered =
        co_await eventually([&t, &request, &reply] { return try_into(t, request, reply); });
    if (!answered) throw Error(Code::unavailable, "the host does not answer");
    co_return std::move(*reply);
  }
  static Task<bool> try_into(HostProcessTest& t, const Request& request,
                             std::optional<Reply>& reply) {
    reply = co_await try_once(t, request);
    co_return reply.has_value();
  }
  static Task<std::optional<Reply>> try_once(HostProcessTest& t, Request request) {
    auto socket =
        co_await net::PacketSocket::connect(t.loop_, t.host_.realm().run_dir + "/host.sock");
    if (!socket) co_return std::nullopt;
    TestClient client(std::move(*socket));
    try {
      co_await client.ask(Hello{});
    } catch (const Error&) {
      co_return std::nullopt;
    }
    co_return co_await client.ask(std::move(request));
  }

  TestHost host_;
  async::EpollLoop loop_;
  pid_t pid_ = -1;
};

TEST_F(HostProcessTest, InstancesOutliveItsKillAndItsStop) {
  begin();
  const StartInstance r = host_.request({"wait"});
  const Started s = ask<Started>(r);
  EXPECT_EQ(end(SIGKILL), 128 + SIGKILL);
  EXPECT_TRUE(find_process(s.shim_pid, s.shim_start_time)) << "a killed host takes nothing along";
  begin();
  EXPECT_EQ(ask<InstancePage>(ListInstances{}).instances.at(0).state, InstanceState::running);
  EXPECT_GE(ask<InstanceStats>(GetStats{r.guid}).pids, 2u);
  EXPECT_EQ(end(SIGTERM), 0);
  EXPECT_TRUE(find_process(s.shim_pid, s.shim_start_time)) << "nor does one that is stopped";
  begin();
  ask<Done>(RemoveInstance{r.guid, true});
  EXPECT_FALSE(find_process(s.shim_pid, s.shim_start_time));
}

TEST_F(HostProcessTest, ASecondOneOfTheRealmIsRefused) {
  begin();
  ask<Capacity>(GetCapacity{});
  EXPECT_EQ(reap(spawn()), info(Code::conflict).exit_code);
  ask<Capacity>(GetCapacity{});
}

TEST_F(HostProcessTest, KilledAtAnyMomentOfAStartItLeavesNothingHalfMade) {
  for (const int delay_ms : {0, 3, 10, 20, 35, 60}) {
    begin();
    ask<Capacity>(GetCapacity{});
    const StartInstance r = host_.request({"wait"});
    loop_.run([](HostProcessTest& t, const StartInstance& request, int ms) -> Task<void> {
      auto socket =
          co_await net::PacketSocket::connect(t.loop_, t.host_.realm().run_dir + "/host.sock");
      if (!socket) throw error_of(socket.error(), "connect to the host");
      TestClient client(std::move(*socket));
      co_await client.ask(Hello{});
      co_await client.send(request);
      try {
        co_await async::within(Duration(ms * 1'000'000), client.reply());
      } catch (const Error&) {
        // Too early for an answer: that is the moment.
      }
      t.end(SIGKILL);
    }(*this, r, delay_ms));
    begin();
    const auto list = ask<InstancePage>(ListInstances{}).instances;
    ask<Done>(RemoveInstance{r.guid, true});
    const Realm& realm = host_.realm();
    for (const char* part : {"app", "shim"})
      EXPECT_TRUE(until([&] {
        return host_.cgroups().children(realm.cgroup() + "/" + part).empty();
      })) << part
          << " after " << delay_ms << " ms, listed: " << list.size();
    EXPECT_TRUE(list_dir(realm.instances_dir()).empty());
    EXPECT_TRUE(list_dir(realm.private_dir() + "/disks").empty());
    end(SIGKILL);
  }
}

TEST_F(HostProcessTest, TheSweepLeavesNothingButData) {
  begin();
  const Started s = ask<Started>(host_.request({"wait"}));
  EXPECT_EQ(host_sweep_main(host_.settings()), info(Code::conflict).exit_code)
      << "not while the host runs";
  end(SIGTERM);
  ASSERT_EQ(host_sweep_main(host_.settings()), 0);
  const Realm& r = host_.realm();
  EXPECT_FALSE(find_process(s.shim_pid, s.shim_start_time));
  EXPECT_FALSE(host_.cgroups().exists(r.cgroup()));
  EXPECT_TRUE(until([&] { return Netlink().index_of(r.interface(0)) == 0; }));
  EXPECT_EQ(Netlink().index_of(r.gateway_interface()), 0);
  EXPECT_THAT(require_program({"/usr/sbin/nft", {"nft", "list", "tables"}, {}, "", 5s, {}}),
              Not(HasSubstr(r.nft_table())));
  EXPECT_THAT(read_file("/proc/self/mounts"), Not(HasSubstr(r.name)));
  for (const std::string& name : list_dir("/sys/block"))
    EXPECT_THAT(read_file_if_there("/sys/block/" + name + "/loop/backing_file").value_or(""),
                Not(HasSubstr(r.name)));
  EXPECT_TRUE(list_dir(r.run_dir).empty());
  EXPECT_FALSE(LayerStore(r, "/proc/self/exe").list({}).layers.empty()) << "data stays";
  EXPECT_EQ(host_sweep_main(host_.settings()), 0) << "twice is once";
}

TEST(HostMain, ExaminesTheMachine) {
  HostSettings settings;
  settings.realm.name = "nowhere";
  settings.shim_program = shim_program();
  settings.crun_program = "/no/crun";
  bool crun = false;
  for (const Finding& f : examine_machine(settings)) {
    EXPECT_FALSE(f.subject.empty());
    EXPECT_FALSE(f.detail.empty()) << f.subject;
    if (f.subject == "/no/crun") {
      crun = true;
      EXPECT_EQ(f.level, Finding::Level::missing);
      EXPECT_THAT(f.detail, HasSubstr("install crun"));
    }
    if (f.subject == "control groups") EXPECT_EQ(f.level, Finding::Level::good) << f.detail;
  }
  EXPECT_TRUE(crun);
}

}  // namespace
}  // namespace nuri::host

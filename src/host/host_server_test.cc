#include "host/host_server.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <optional>

#include "async/deadline.h"
#include "async/epoll_loop.h"
#include "base/error.h"
#include "base/limits.h"
#include "host/test_client.h"
#include "host/test_host.h"
#include "net/packet_socket.h"

namespace nuri::host {
namespace {

using testing::HasSubstr;

Task<bool> has_one_instance(TestClient& client) {
  const Reply list = co_await client.ask(ListInstances{});
  co_return std::get<InstancePage>(list).instances.size() == 1;
}

Task<bool> has_ended_now(pid_t pid, int& status) {
  co_return ::waitpid(pid, &status, WNOHANG) == pid;
}

class HostServerTest : public testing::Test {
 public:
  HostServerTest() : path_(host_.realm().run_dir + "/host.sock") {}

  // Serves while `story` runs.
  void tell(Task<void> (*story)(HostServerTest&)) {
    loop_.run(play(story));
    EXPECT_EQ(loop_.slots(), 0u);
  }
  Task<void> play(Task<void> (*story)(HostServerTest&)) {
    async::ThreadPool pool(8, 64);
    HostServer server(loop_, pool, host_.realm(), host_.settings(), host_.instances(),
                      host_.disks(), host_.layers());
    async::TaskGroup group(loop_);
    group.spawn(server.run(net::listen_packets(path_, 0660)));
    std::exception_ptr failure;
    try {
      co_await story(*this);
    } catch (...) {
      failure = std::current_exception();
    }
    group.cancel();
    co_await group.join();
    if (failure) std::rethrow_exception(failure);
  }
  Task<TestClient> connect() {
    auto socket = co_await net::PacketSocket::connect(loop_, path_);
    if (!socket) throw error_of(socket.error(), "connect to the host");
    co_return TestClient(std::move(*socket));
  }
  Task<TestClient> greet() {
    TestClient client = co_await connect();
    const Reply reply = co_await client.ask(Hello{});
    EXPECT_TRUE(std::holds_alternative<Welcome>(reply));
    co_return client;
  }

  TestHost host_;
  std::string path_;
  async::EpollLoop loop_;
};

TEST_F(HostServerTest, GreetsAndRefusesWhatComesBefore) {
  tell([](HostServerTest& t) -> Task<void> {
    TestClient client = co_await t.connect();
    EXPECT_THAT(failure_text(co_await client.ask(ListInstances{})), HasSubstr("hello first"));
    EXPECT_THAT(failure_text(co_await client.ask(Hello{2, 3})), HasSubstr("version 1"));
    const Reply reply = co_await client.ask(Hello{1, 5});
    const auto* welcome = std::get_if<Welcome>(&reply);
    EXPECT_TRUE(welcome);
    if (!welcome) co_return;
    EXPECT_EQ(welcome->realm, t.host_.realm().name);
    EXPECT_EQ(welcome->gateway, t.host_.realm().gateway().str());
  });
}

TEST_F(HostServerTest, AnswersNonsenseAndGoesOn) {
  tell([](HostServerTest& t) -> Task<void> {
    TestClient client = co_await t.greet();
    EXPECT_TRUE(co_await client.socket().send("{\"id\":77,\"verb\":\"explode\"}"));
    EXPECT_THAT(failure_text(co_await client.reply()), HasSubstr("explode"));
    EXPECT_EQ(client.last_id(), 77u);
    EXPECT_TRUE(co_await client.socket().send("garbage"));
    EXPECT_THAT(failure_text(co_await client.reply()), HasSubstr("not valid JSON"));
    Fd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    EXPECT_THAT(failure_text(co_await client.ask(GetCapacity{}, {null.get()})),
                HasSubstr("takes 0 descriptors, 1 came"));
    EXPECT_THAT(failure_text(co_await client.ask(AddLayer{Digest::of("x")})),
                HasSubstr("takes 1 descriptors, 0 came"));
    EXPECT_TRUE(std::holds_alternative<Capacity>(co_await client.ask(GetCapacity{})));
  });
}

TEST_F(HostServerTest, AnInstanceLivesAndEndsOverTheWire) {
  tell([](HostServerTest& t) -> Task<void> {
    TestClient client = co_await t.greet();
    const StartInstance r = t.host_.request({"wait"});
    const Reply reply = co_await client.ask(r);
    const auto* started = std::get_if<Started>(&reply);
    EXPECT_TRUE(started) << failure_text(reply);
    if (!started) co_return;
    const Reply stats = co_await client.ask(GetStats{r.guid});
    EXPECT_TRUE(std::holds_alternative<InstanceStats>(stats)) << failure_text(stats);
    EXPECT_THAT(failure_text(co_await client.ask(RemoveInstance{r.guid, false})),
                HasSubstr("still runs"));
    ::kill(started->shim_pid, SIGKILL);
    EXPECT_EQ(co_await client.exited(), r.guid);
    const Reply list = co_await client.ask(ListInstances{});
    EXPECT_EQ(std::get<InstancePage>(list).instances.at(0).state, InstanceState::exited);
    EXPECT_TRUE(std::holds_alternative<Done>(co_await client.ask(RemoveInstance{r.guid, false})));
    EXPECT_TRUE(std::get<InstancePage>(co_await client.ask(ListInstances{})).instances.empty());
  });
}

TEST_F(HostServerTest, LayersComeAndGoOverTheWire) {
  tell([](HostServerTest& t) -> Task<void> {
    TestClient client = co_await t.greet();
    const std::string tar = TestLayer().file("f", "over the wire").finish();
    const Digest d = Digest::of(tar);
    const Reply before = co_await client.ask(HasLayers{{d}});
    EXPECT_THAT(std::get<Layers>(before).diff_ids, testing::ElementsAre(d)) << "missing";
    const Fd blob(::memfd_create("layer", MFD_CLOEXEC));
    EXPECT_EQ(::write(blob.get(), tar.data(), tar.size()), static_cast<ssize_t>(tar.size()));
    ::lseek(blob.get(), 0, SEEK_SET);
    const Reply added = co_await client.ask(AddLayer{d}, {blob.get()});
    EXPECT_TRUE(std::holds_alternative<Done>(added)) << failure_text(added);
    EXPECT_TRUE(std::get<Layers>(co_await client.ask(HasLayers{{d}})).diff_ids.empty());
    const Reply page = co_await client.ask(ListLayers{});
    EXPECT_EQ(std::get<LayerPage>(page).layers.size(), 2u) << "it and the probe's";
    EXPECT_TRUE(std::get<Layers>(co_await client.ask(RemoveLayers{{d}})).diff_ids.empty())
        << "leased";
  });
}

TEST_F(HostServerTest, ManyAtOnceAreCarriedOutSideBySide) {
  tell([](HostServerTest& t) -> Task<void> {
    TestClient client = co_await t.greet();
    std::vector<std::string> guids;
    for (int i = 0; i < 6; ++i) {
      const StartInstance r = t.host_.request({"wait"});
      guids.push_back(r.guid);
      co_await client.send(r);
    }
    // One of them is removed in the same breath: in order, so after its start.
    co_await client.send(RemoveInstance{guids[2], true});
    std::size_t started = 0, done = 0;
    for (int i = 0; i < 7; ++i) {
      const Reply reply = co_await client.reply();
      if (std::holds_alternative<Started>(reply)) ++started;
      if (std::holds_alternative<Done>(reply)) ++done;
      EXPECT_FALSE(std::holds_alternative<Failure>(reply)) << failure_text(reply);
    }
    EXPECT_EQ(started, 6u);
    EXPECT_EQ(done, 1u);
    const Reply list = co_await client.ask(ListInstances{});
    EXPECT_EQ(std::get<InstancePage>(list).instances.size(), 5u);
  });
}

TEST_F(HostServerTest, AClientThatGoesAwayLeavesItsRequestDone) {
  tell([](HostServerTest& t) -> Task<void> {
    const StartInstance r = t.host_.request({"wait"});
    {
      TestClient client = co_await t.greet();
      co_await client.send(r);
    }
    TestClient next = co_await t.greet();
    EXPECT_TRUE(co_await eventually([&next] { return has_one_instance(next); }));
  });
}

TEST_F(HostServerTest, AnotherUserIsTurnedAway) {
  host_.settings().users.server_uid = 64'000;
  tell([](HostServerTest& t) -> Task<void> {
    ::chmod(t.path_.c_str(), 0666);
    ::chmod(t.host_.realm().run_dir.c_str(), 0755);
    // Tried by a child, which is another user.
    const pid_t pid = ::fork();
    if (pid == 0) {
      if (::setresuid(64'001, 64'001, 64'001) != 0) ::_exit(3);
      const int s = ::socket(AF_UNIX, SOCK_SEQPACKET, 0);
      sockaddr_un a{};
      a.sun_family = AF_UNIX;
      std::strncpy(a.sun_path, t.path_.c_str(), sizeof a.sun_path - 1);
      if (::connect(s, reinterpret_cast<sockaddr*>(&a), sizeof a) != 0) ::_exit(4);
      const std::string hello = encode(RequestMessage{1, Hello{}});
      (void)!::send(s, hello.data(), hello.size(), MSG_NOSIGNAL);
      char c;
      ::_exit(::recv(s, &c, 1, 0) <= 0 ? 0 : 5);
    }
    int status = -1;
    EXPECT_TRUE(co_await eventually([pid, &status] { return has_ended_now(pid, status); }));
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  });
}

}  // namespace
}  // namespace nuri::host

#include <fmt/format.h>

#include <atomic>
#include <filesystem>

#include "async/deadline.h"
#include "async/epoll_loop.h"
#include "async/task_group.h"
#include "router/router.h"
#include "router/table_feed.h"
#include "router/test_tls_talk.h"
#include "router/test_worker.h"

// The whole router with its admin socket, and the server's side of it, each on a loop and thread of
// its own.

namespace nuri::router {
namespace {

// A thread with a loop that runs one task until it is ended.
class LoopThread {
 public:
  explicit LoopThread(std::function<Task<void>(async::Loop&)> make)
      : thread_([this, make = std::move(make)] {
          async::EpollLoop loop;
          loop_ = &loop;
          loop.run(run(loop, make));
        }) {
    ready_.get_future().wait();
  }
  ~LoopThread() { end(); }
  void end() {
    if (!thread_.joinable()) return;
    loop_->post([this] { group_->cancel(); });
    thread_.join();
  }
  void post(std::function<void()> job) { loop_->post(std::move(job)); }
  // Runs `task` on the loop beside the rest; returns when it has ended.
  template <class T>
  T call(std::function<Task<T>()> make) {
    std::promise<T> result;
    loop_->post([&] { group_->spawn(fulfil<T>(make, result)); });
    return result.get_future().get();
  }

 private:
  Task<void> run(async::Loop& loop, std::function<Task<void>(async::Loop&)> make) {
    async::TaskGroup group(loop);
    group_ = &group;
    group.spawn(make(loop));
    group.spawn(forever());
    ready_.set_value();
    co_await group.join();
  }
  static Task<void> forever() {
    async::Event never;
    (void)co_await never.wait();
  }
  template <class T>
  static Task<void> fulfil(std::function<Task<T>()> make, std::promise<T>& result) {
    result.set_value(co_await make());
  }
  std::promise<void> ready_;
  async::Loop* loop_ = nullptr;
  async::TaskGroup* group_ = nullptr;
  std::thread thread_;
};

class AdminTest : public testing::Test {
 protected:
  AdminTest() {
    char dir[] = "/tmp/nuri-router-XXXXXX";
    EXPECT_NE(::mkdtemp(dir), nullptr);
    directory_ = dir;
    listener_ = listen_here(port_);
    tls_listener_ = listen_here(tls_port_);
    start_router();
    feed_thread_ = std::make_unique<LoopThread>([this](async::Loop& loop) {
      feed_ = std::make_unique<TableFeed>(loop, socket());
      return feed_->run();
    });
  }
  ~AdminTest() override {
    feed_thread_.reset();
    successor_.reset();
    router_.reset();
    std::filesystem::remove_all(directory_);
  }

  std::string socket() const { return directory_ + "/admin.sock"; }
  Talk talk() const { return Talk::to(port_); }

  void start_router() {
    router_ = std::make_unique<LoopThread>(
        [this](async::Loop& loop) { return run_router(loop, options(), ending_); });
  }

  RouterOptions options() {
    RouterOptions options;
    options.listeners.push_back({"apps", Fd(::dup(listener_.get()))});
    options.listeners.push_back({"apps-tls", Fd(::dup(tls_listener_.get()))});
    options.listeners.push_back({"kept", Fd(::dup(listener_.get()))});
    options.admin_socket = socket();
    options.admin_uids = {::geteuid()};
    options.journal_file = directory_ + "/routes";
    options.workers = 2;
    options.leave_place = [this] { left_ = true; };
    return options;
  }

  // A second router follows the first, which drains from then on.
  void start_successor() {
    successor_ = std::make_unique<LoopThread>([this](async::Loop& loop) {
      RouterOptions mine = options();
      mine.take_place = [this] { return take_place(); };
      return run_router(loop, std::move(mine), successor_ending_);
    });
    ASSERT_TRUE(eventually([this] { return successor_serves(); }));
  }
  Task<void> take_place() {
    router_->post([this] { ending_.drain.set(); });
    while (!left_)
      if (!co_await async::sleep(1ms)) co_return;
  }
  bool successor_serves() { return left_ && !fetch_listeners(socket()).empty(); }

  static model::RouteEntry entry(std::string host, const Instance& app, std::string id = "i") {
    return {.host = std::move(host),
            .path = {},
            .app = "app",
            .upstreams = {{.id = std::move(id), .address = app.address()}}};
  }
  bool publish(std::vector<model::RouteEntry> routes) {
    model::RouteTable table;
    table.routes = std::move(routes);
    return publish_table(std::move(table));
  }
  bool publish_table(model::RouteTable table) {
    return feed_thread_->call<bool>(
        [&]() -> Task<bool> { return published(*feed_, std::move(table)); });
  }
  bool drained(std::string id, Duration limit = 20s) {
    return feed_thread_->call<bool>(
        [&]() -> Task<bool> { return no_more(*feed_, std::move(id), limit); });
  }
  // "200 content" of a request on a connection of its own.
  std::string ask(std::string_view host) {
    Talk client = talk();
    std::string head;
    client.say(get(host));
    const std::string content = client.hear_answer(head);
    return fmt::format("{} {}", status_of(head), status_of(head) == 200 ? content : "");
  }

  static Task<bool> published(TableFeed& feed, model::RouteTable table) {
    co_return (co_await async::within(20s, feed.publish(std::move(table)))).has_value();
  }
  static Task<bool> no_more(TableFeed& feed, std::string id, Duration limit) {
    co_return (co_await async::within(limit, feed.drained(std::move(id)))).has_value();
  }

  std::string directory_;
  std::uint16_t port_ = 0;
  std::uint16_t tls_port_ = 0;
  Fd listener_, tls_listener_;
  RouterEnding ending_, successor_ending_;
  std::atomic<bool> left_ = false;
  std::unique_ptr<LoopThread> successor_;
  std::unique_ptr<LoopThread> router_;
  std::unique_ptr<TableFeed> feed_;
  std::unique_ptr<LoopThread> feed_thread_;
};

TEST_F(AdminTest, WhatWasPublishedIsServedByAllWorkers) {
  Instance one(answering("one")), two(answering("two"));
  ASSERT_TRUE(publish({entry("a.test", one), entry("b.test", two)}));
  for (int n = 0; n < 10; ++n) {
    EXPECT_EQ(ask("a.test"), "200 one");
    EXPECT_EQ(ask("b.test"), "200 two");
  }
  ASSERT_TRUE(publish({entry("a.test", two)}));
  for (int n = 0; n < 10; ++n) {
    EXPECT_EQ(ask("a.test"), "200 two");
    EXPECT_EQ(ask("b.test"), "404 ");
  }
}

TEST_F(AdminTest, ARestartedRouterServesItsTableFromDisk) {
  Instance app(answering("still"));
  ASSERT_TRUE(publish({entry("a.test", app)}));
  feed_thread_.reset();
  router_.reset();
  // This one comes while there is no router.
  Talk early = talk();
  early.say(get("a.test"));
  start_router();
  std::string head;
  EXPECT_EQ(early.hear_answer(head), "still");
  EXPECT_EQ(ask("a.test"), "200 still");
}

TEST_F(AdminTest, TheFeedReconnectsAndSendsTheWholeTableAgain) {
  Instance one(answering("one")), two(answering("two"));
  ASSERT_TRUE(publish({entry("a.test", one), entry("b.test", one)}));
  router_.reset();
  std::filesystem::remove(directory_ + "/routes");
  start_router();
  ASSERT_TRUE(publish({entry("a.test", two), entry("b.test", one)}));
  EXPECT_EQ(ask("a.test"), "200 two");
  EXPECT_EQ(ask("b.test"), "200 one");
}

TEST_F(AdminTest, TellsWhenAnInstanceIsDrained) {
  std::atomic<bool> release = false;
  Instance slow([&](Talk& talk) {
    if (talk.hear_head().empty() || !eventually([&] { return release.load(); })) return;
    talk.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    talk.hear_all();
  });
  Instance next(answering("next"));
  ASSERT_TRUE(publish({entry("a.test", slow, "old")}));
  Talk client = talk();
  client.say(get("a.test"));
  ASSERT_TRUE(eventually([&] { return slow.connections() == 1; }));
  ASSERT_TRUE(publish({entry("a.test", next, "new")}));
  EXPECT_FALSE(drained("old", 20ms));
  EXPECT_TRUE(drained("new"));
  release = true;
  EXPECT_TRUE(drained("old"));
  std::string head;
  EXPECT_EQ(client.hear_answer(head), "ok");
}

TEST_F(AdminTest, AnInstanceIsDrainedWhenARouterThatDrainsIsDoneWithItToo) {
  std::atomic<bool> release = false;
  Instance slow([&](Talk& talk) {
    if (talk.hear_head().empty() || !eventually([&] { return release.load(); })) return;
    talk.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    talk.hear_all();
  });
  Instance next(answering("next"));
  ASSERT_TRUE(publish({entry("a.test", slow, "old")}));
  Talk client = talk();
  client.say(get("a.test"));
  ASSERT_TRUE(eventually([&] { return slow.connections() == 1; }));
  start_successor();
  ASSERT_TRUE(publish({entry("a.test", next, "new")}));
  EXPECT_EQ(ask("a.test"), "200 next");
  EXPECT_FALSE(drained("old", 50ms));
  release = true;
  EXPECT_TRUE(drained("old"));
  std::string head;
  EXPECT_EQ(client.hear_answer(head), "ok");
  EXPECT_EQ(field(head, "Connection"), "close");
}

TEST_F(AdminTest, ARouterThatDrainsServesTheTableOfItsSuccessor) {
  Instance one(answering("one")), two(answering("two"));
  ASSERT_TRUE(publish({entry("a.test", one)}));
  Talk kept = talk();
  std::string head;
  kept.say(get("a.test"));
  EXPECT_EQ(kept.hear_answer(head), "one");
  start_successor();
  ASSERT_TRUE(publish({entry("a.test", two)}));
  // Its connection is the first router's.
  kept.say(get("a.test"));
  EXPECT_EQ(kept.hear_answer(head), "two");
  EXPECT_EQ(field(head, "Connection"), "close");
  EXPECT_TRUE(kept.ended());
}

TEST_F(AdminTest, RepliesOfManyKindsDoNotGetInEachOthersWay) {
  Instance app(answering("ok"));
  ASSERT_TRUE(publish({entry("a.test", app)}));
  std::atomic<int> done = 0;
  std::vector<std::thread> callers;
  for (int n = 0; n < 8; ++n)
    callers.emplace_back([&, n] {
      for (int i = 0; i < 50; ++i) done += drained(i % 2 ? "i" : std::to_string(n));
    });
  for (int n = 0; n < 50; ++n)
    ASSERT_TRUE(publish({entry("a.test", app), entry(fmt::format("b{}.test", n), app)}));
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(done, 400);
  EXPECT_EQ(ask("b49.test"), "200 ok");
}

TEST_F(AdminTest, AThousandInstancesAndManyRoutesFitIntoItsPackets) {
  Instance app(answering("ok"));
  std::vector<model::RouteEntry> table{entry("large.test", app)};
  for (int n = 1; n < 1000; ++n)
    table[0].upstreams.push_back(
        {.id = fmt::format("0123456789abcdef0123456789abcdef{:04}", n),
         .address = fmt::format(
             "door:/run/nuri/nuri/i/0123456789abcdef0123456789abcdef{:04}/door.sock", n),
         .index = n});
  for (int n = 0; n < 5000; ++n) table.push_back(entry(fmt::format("r{}.test", n), app));
  ASSERT_TRUE(publish(table));
  EXPECT_EQ(ask("r4999.test"), "200 ok");
  EXPECT_EQ(ask("large.test"), "200 ok");
  router_.reset();
  start_router();
  EXPECT_EQ(ask("r4999.test"), "200 ok");
}

TEST_F(AdminTest, CertificatesAndChallengesAreServedWhenTheyAreCommittedAndAfterARestart) {
  const net::TestSite site({"a.test"});
  net::TlsClient client(site.pem.chain, {"http/1.1"});
  const auto shown = [&] {
    return TlsTalk(Talk::to(tls_port_), client.connect("a.test")).handshake();
  };
  const auto challenge = [&] {
    Talk asking = talk();
    asking.say(get("nobody.test", "/.well-known/acme-challenge/token"));
    std::string head;
    return asking.hear_answer(head);
  };
  model::RouteTable table;
  table.certificates.push_back({"1", {"a.test", ""}, site.pem.chain, site.pem.key});
  table.challenges.push_back({"token", "token.key"});
  ASSERT_TRUE(publish_table(table));
  EXPECT_TRUE(shown());
  EXPECT_EQ(challenge(), "token.key");
  router_.reset();
  start_router();
  EXPECT_TRUE(shown());
  EXPECT_EQ(challenge(), "token.key");
  ASSERT_TRUE(publish_table({}));
  EXPECT_FALSE(shown());
  EXPECT_NE(challenge(), "token.key");
}

TEST_F(AdminTest, HandsItsListenersToANewSupervisor) {
  std::vector<net::HandedIn> listeners;
  ASSERT_TRUE(eventually([&] { return !(listeners = fetch_listeners(socket())).empty(); }));
  ASSERT_EQ(listeners.size(), 3U);
  EXPECT_EQ(listeners[0].name, "apps");
  EXPECT_EQ(listeners[2].name, "kept");
  EXPECT_EQ(net::local_address(listeners[0].fd.get()).port(), port_);
  EXPECT_TRUE(fetch_listeners(directory_ + "/nobody").empty());
}

}  // namespace
}  // namespace nuri::router

#include "router/test_door.h"
#include "router/test_worker.h"

// Instances behind a shim's door.

namespace nuri::router {
namespace {

std::string ask(Talk& client, std::string_view host, std::string* head = nullptr) {
  std::string answer;
  client.say(get(host));
  const std::string content = client.hear_answer(answer);
  if (head) *head = answer;
  return content;
}

TEST(DoorUpstream, IsReachedThroughSocketsThatTheDoorHandsOut) {
  Instance app(answering("inside"));
  TestDoor door(app.port());
  TestWorker router;
  router.put("a.test", {door.address()});
  Talk client = router.talk();
  for (int n = 0; n < 20; ++n) EXPECT_EQ(ask(client, "a.test"), "inside");
  EXPECT_EQ(door.asked(), 1);
  EXPECT_EQ(app.connections(), 1U);
}

TEST(DoorUpstream, ManyAtOnceAllGetSockets) {
  constexpr int kClients = 128;
  std::atomic<int> inside = 0;
  // Nobody is answered before all are there, so each needs a socket of its own.
  Instance app([&](Talk& talk) {
    if (talk.hear_head().empty()) return;
    ++inside;
    if (!eventually([&] { return inside == kClients; })) return;
    talk.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    talk.hear_all();
  });
  TestDoor door(app.port());
  TestWorker router;
  router.put("a.test", {door.address()});
  std::vector<Talk> clients;
  for (int n = 0; n < kClients; ++n) {
    clients.push_back(router.talk());
    clients.back().say(get("a.test"));
  }
  for (auto& client : clients) {
    std::string head;
    EXPECT_EQ(client.hear_answer(head), "ok") << head;
  }
  EXPECT_LE(door.asked(), kClients);
  EXPECT_EQ(door.connections(), 1);
}

TEST(DoorUpstream, AnAppThatMovedToAnotherPortIsFoundAgain) {
  auto first = std::make_unique<Instance>(answering("first"));
  Instance second(answering("second"));
  TestDoor door(first->port());
  TestWorker router;
  router.put("a.test", {door.address()});
  Talk client = router.talk();
  EXPECT_EQ(ask(client, "a.test"), "first");
  door.port() = second.port();
  first.reset();
  EXPECT_EQ(ask(client, "a.test"), "second");
}

TEST(DoorUpstream, AnAppThatDoesNotListenIsABadGatewayAndServedOnceItDoes) {
  Instance app(answering("listening"));
  TestDoor door(0);
  TestWorker router;
  router.put("a.test", {door.address()});
  Talk client = router.talk();
  std::string head;
  ask(client, "a.test", &head);
  EXPECT_EQ(status_of(head), 502);
  EXPECT_EQ(field(head, "X-Nuri-Error"), "connection_failed");
  door.port() = app.port();
  EXPECT_EQ(ask(client, "a.test"), "listening");
}

TEST(DoorUpstream, GoneInstancesCostNoRequest) {
  Instance app(answering("alive"));
  std::vector<std::unique_ptr<TestDoor>> dead;
  std::vector<std::string> addresses;
  for (int n = 0; n < 6; ++n) {
    dead.push_back(std::make_unique<TestDoor>(app.port()));
    addresses.push_back(dead.back()->address());
    dead.back()->end();
  }
  TestDoor alive(app.port());
  addresses.push_back(alive.address());
  TestWorker router;
  router.put("a.test", std::move(addresses));
  Talk client = router.talk();
  client.say("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\n\r\npay");
  std::string head;
  EXPECT_EQ(client.hear_answer(head), "alive");
}

TEST(DoorUpstream, TheEndOfTheDoorEndsItsUse) {
  Instance app(answering("ok"));
  auto door = std::make_unique<TestDoor>(app.port());
  TestWorker router;
  router.put("a.test", {door->address()});
  Talk client = router.talk();
  EXPECT_EQ(ask(client, "a.test"), "ok");
  door->end();
  // The kept connection would still work: it is closed nevertheless.
  EXPECT_TRUE(eventually([&] {
    std::string head;
    ask(client, "a.test", &head);
    return status_of(head) == 503;
  }));
}

TEST(DoorUpstream, ChangesOfTheTableKeepItsConnections) {
  Instance app(answering("ok"));
  TestDoor door(app.port());
  TestDoor more(app.port());
  TestWorker router;
  router.put("a.test", {door.address()});
  Talk client = router.talk();
  EXPECT_EQ(ask(client, "a.test"), "ok");
  for (int n = 0; n < 10; ++n) {
    router.put("a.test", {door.address(), more.address()});
    router.put("a.test", {door.address()});
    EXPECT_EQ(ask(client, "a.test"), "ok");
  }
  EXPECT_EQ(door.connections(), 1);
  EXPECT_EQ(door.asked(), 1);
}

}  // namespace
}  // namespace nuri::router

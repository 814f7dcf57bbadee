// What is under way goes on before anything begins, and what begins is never kept out for good.

#include <gtest/gtest.h>

#include "async/deadline.h"
#include "async/descriptor.h"
#include "async/event.h"
#include "async/task_group.h"
#include "async/test_loops.h"
#include "async/test_sockets.h"

namespace nuri::async {
namespace {

ON_EACH_LOOP(BeginningTest);

Task<> note_when(Event& event, std::string& order, char name) {
  if (co_await event.wait()) order += name;
}

// Tasks that begin and tasks that go on, all waiting for the same.
struct Stage {
  explicit Stage(Loop& on)
      : beginning(on.root(), Work::beginning), begins(beginning), goes_on(on) {}
  Scope beginning;
  Event go;
  std::string order;
  TaskGroup begins, goes_on;
};

Task<> turn_for_ever(int& turns) {
  while (co_await yield()) ++turns;
}

TYPED_TEST(BeginningTest, WhatIsUnderWayGoesFirstAndBeginningsKeepTheirOrder) {
  TypeParam loop;
  loop.run([](Loop& on) -> Task<> {
    Stage stage(on);
    for (char name = 'A'; name <= 'Z'; ++name)
      stage.begins.spawn(note_when(stage.go, stage.order, name));
    for (char name = 'a'; name <= 'z'; ++name)
      stage.goes_on.spawn(note_when(stage.go, stage.order, name));
    // All of them wait.
    for (int n = 0; n < 100; ++n) co_await yield();
    stage.go.set();
    co_await stage.goes_on.join();
    co_await stage.begins.join();
    EXPECT_EQ(stage.order, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
  }(loop));
}

TYPED_TEST(BeginningTest, WhatBeginsIsNotKeptOutByWhatAlwaysGoesOn) {
  TypeParam loop;
  loop.run([](Loop& on) -> Task<> {
    Stage stage(on);
    constexpr int kMany = 400;
    for (int n = 0; n < kMany; ++n) stage.begins.spawn(note_when(stage.go, stage.order, 'x'));
    int turns = 0;
    stage.goes_on.spawn(turn_for_ever(turns));
    while (turns < kMany) co_await yield();
    const int before = turns;
    stage.go.set();
    co_await stage.begins.join();
    EXPECT_EQ(stage.order.size(), kMany);
    EXPECT_LE(turns - before, kMany / 4 + 4);  // four a turn at least
    stage.goes_on.cancel();
    co_await stage.goes_on.join();
  }(loop));
}

TYPED_TEST(BeginningTest, ATaskThatAwaitsInABeginningScopeGoesOnAsUnderWay) {
  TypeParam loop;
  loop.run([](Loop& on) -> Task<> {
    Scope beginning(on.root(), Work::beginning);
    Pair pair = socket_pair();
    Descriptor reader(on, std::move(pair.a));
    EXPECT_EQ(::write(pair.b.get(), "x", 1), 1);
    EXPECT_EQ((co_await reader.recv().in(beginning))->view(), "x");
    EXPECT_EQ((co_await current_scope()).work(), Work::under_way);
    Scope child(beginning);
    EXPECT_EQ(child.work(), Work::beginning);
  }(loop));
}

Task<> begin(Descriptor& from, const int& turns, std::vector<int>& begun) {
  if (co_await from.recv()) begun.push_back(turns);
}

TYPED_TEST(BeginningTest, WhatWaitsToBeginGivesItsBuffersBackWhenFewAreLeft) {
  TypeParam loop;
  loop.run([](Loop& on) -> Task<> {
    Pair pair = socket_pair();
    Descriptor source(on, std::move(pair.a));
    std::vector<Chunk> held;
    while (held.size() < 480) {
      EXPECT_EQ(::write(pair.b.get(), "x", 1), 1);
      held.push_back(std::move(*co_await source.recv()));
    }
    std::vector<Descriptor> readers;
    std::vector<Fd> peers;
    std::vector<int> begun;
    int turns = 0;
    Stage stage(on);
    stage.goes_on.spawn(turn_for_ever(turns));
    for (int n = 0; n < 16; ++n) {
      Pair one = socket_pair();
      readers.emplace_back(on, std::move(one.a));
      peers.push_back(std::move(one.b));
    }
    for (auto& reader : readers) stage.begins.spawn(begin(reader, turns, begun));
    while (turns < 100) co_await yield();
    for (const Fd& peer : peers) EXPECT_EQ(::write(peer.get(), "y", 1), 1);
    co_await stage.begins.join();
    EXPECT_EQ(begun.size(), 16U);
    EXPECT_EQ(begun.front(), begun.back());  // in one turn
    stage.goes_on.cancel();
    co_await stage.goes_on.join();
  }(loop));
}

}  // namespace
}  // namespace nuri::async

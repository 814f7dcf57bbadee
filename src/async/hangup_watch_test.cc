#include "async/hangup_watch.h"

#include <gtest/gtest.h>

#include "async/deadline.h"
#include "async/test_loops.h"
#include "async/test_sockets.h"

namespace nuri::async {
namespace {

struct Ends {
  explicit Ends(Loop& loop, Pair pair = socket_pair())
      : ours(loop, std::move(pair.a)), theirs(std::move(pair.b)) {}
  Descriptor ours;
  Fd theirs;
};

// What a sleep of `limit` in the watched scope ends with.
Task<IoResult<void>> nap(Duration limit) { co_return co_await sleep(limit); }

ON_EACH_LOOP(HangupWatchTest);

TYPED_TEST(HangupWatchTest, CancelsWhenThePeerCloses) {
  TypeParam loop;
  loop.run([](Loop& on) -> Task<> {
    Ends ends(on);
    Scope scope(on.root());
    HangupWatch watch(ends.ours, scope);
    ends.theirs.reset();
    EXPECT_EQ((co_await nap(10s).in(scope)).error(), IoError::cancelled);
    EXPECT_TRUE(watch.hung_up());
  }(loop));
}

TYPED_TEST(HangupWatchTest, CancelsWhenThePeerFinishesSendingBehindBytesThatNobodyHasRead) {
  TypeParam loop;
  loop.run([](Loop& on) -> Task<> {
    Ends ends(on);
    Scope scope(on.root());
    HangupWatch watch(ends.ours, scope);
    EXPECT_EQ(::send(ends.theirs.get(), "next", 4, 0), 4);
    ::shutdown(ends.theirs.get(), SHUT_WR);
    EXPECT_EQ((co_await nap(10s).in(scope)).error(), IoError::cancelled);
  }(loop));
}

TYPED_TEST(HangupWatchTest, CancelsAtOnceWhenThePeerIsKnownToBeGone) {
  TypeParam loop;
  loop.run([](Loop& on) -> Task<> {
    Ends ends(on);
    Scope first(on.root()), second(on.root());
    ends.theirs.reset();
    {
      HangupWatch watch(ends.ours, first);
      (void)co_await nap(10s).in(first);
    }
    HangupWatch watch(ends.ours, second);
    EXPECT_TRUE(second.cancelled());
  }(loop));
}

TYPED_TEST(HangupWatchTest, BytesAreNoEnd) {
  TypeParam loop;
  loop.run([](Loop& on) -> Task<> {
    Ends ends(on);
    Scope scope(on.root());
    HangupWatch watch(ends.ours, scope);
    EXPECT_EQ(::send(ends.theirs.get(), "next", 4, 0), 4);
    EXPECT_TRUE(co_await nap(20ms).in(scope));
    EXPECT_FALSE(watch.hung_up());
  }(loop));
}

TYPED_TEST(HangupWatchTest, AnEndedWatchCancelsNothing) {
  TypeParam loop;
  loop.run([](Loop& on) -> Task<> {
    Ends ends(on);
    Scope scope(on.root());
    {
      HangupWatch watch(ends.ours, scope);
    }
    ends.theirs.reset();
    EXPECT_TRUE(co_await nap(20ms).in(scope));
  }(loop));
}

TYPED_TEST(HangupWatchTest, ADescriptorIsNotSeenQuietOnceBytesOrTheEndHaveCome) {
  TypeParam loop;
  loop.run([](Loop& on) -> Task<> {
    for (const bool closes : {false, true}) {
      Ends ends(on);
      EXPECT_EQ(::send(ends.theirs.get(), "one", 3, 0), 3);
      EXPECT_TRUE(co_await ends.ours.recv());
      if (closes)
        ends.theirs.reset();
      else
        EXPECT_EQ(::send(ends.theirs.get(), "two", 3, 0), 3);
      EXPECT_TRUE(co_await sleep(5ms));
      EXPECT_FALSE(ends.ours.seen_quiet());
    }
  }(loop));
}

TEST(EpollLoopTest, ADescriptorThatWasReadEmptyIsSeenQuiet) {
  EpollLoop loop;
  loop.run([](Loop& on) -> Task<> {
    Ends ends(on);
    EXPECT_EQ(::send(ends.theirs.get(), "one", 3, 0), 3);
    EXPECT_TRUE(co_await ends.ours.recv());
    EXPECT_TRUE(ends.ours.seen_quiet());
  }(loop));
}

}  // namespace
}  // namespace nuri::async

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "base/fd.h"
#include "model/tenancy.h"
#include "store/sqlite/sqlite_store.h"
#include "store/sqlite/temporary_folder.h"

namespace nuri::store {
namespace {

struct Pipe {
  Fd out, in;
  Pipe() {
    int ends[2];
    NURI_ASSERT(::pipe2(ends, O_CLOEXEC) == 0);
    out = Fd(ends[0]);
    in = Fd(ends[1]);
  }
};

// Runs `body` in a child process that ends with what it returns.
pid_t in_child(const std::function<int()>& body) {
  const pid_t child = ::fork();
  if (child != 0) return child;
  int result = 99;
  try {
    result = body();
  } catch (const std::exception& error) {
    ::dprintf(2, "child: %s\n", error.what());
  }
  ::_exit(result);
}

int wait_for(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

model::Org numbered(Random& random, std::int64_t number) {
  model::Org made;
  made.guid = OrgGuid::make(random);
  made.name = "org " + std::to_string(number);
  made.created_at = WallTime{number};
  return made;
}

// Writes rows until it is killed; tells each number on `acknowledge` after its commit.
int write_for_ever(const std::string& path, std::int64_t from, int acknowledge) {
  SystemRandom random;
  SqliteStore store(path);
  for (std::int64_t i = from;; ++i) {
    store.write([&](Writer& tx) { tx.insert(numbered(random, i)); });
    if (::write(acknowledge, &i, sizeof i) != sizeof i) return 1;
  }
}

TEST(SqliteStore, KeepsEveryAcknowledgedRowWhenItsProcessIsKilled) {
  TemporaryFolder folder;
  const std::string path = folder / "db";
  SeededRandom random(20);
  std::int64_t acknowledged = 0;
  for (int round = 0; round < 15; ++round) {
    Pipe pipe;
    const pid_t child = in_child(
        [&] { return write_for_ever(path, acknowledged + 1'000'000 * round, pipe.in.get()); });
    pipe.in.reset();
    const auto kill_after = 1 + random.below(40);
    std::int64_t last = -1;
    for (std::uint64_t i = 0; i < kill_after; ++i)
      ASSERT_EQ(::read(pipe.out.get(), &last, sizeof last), static_cast<ssize_t>(sizeof last));
    ::kill(child, SIGKILL);
    wait_for(child);
    while (::read(pipe.out.get(), &last, sizeof last) == static_cast<ssize_t>(sizeof last)) {
    }
    SqliteStore store(path);
    store.read([&](Reader& reader) {
      const std::int64_t first = acknowledged + 1'000'000 * round;
      for (std::int64_t i = first; i <= last; ++i)
        EXPECT_EQ(reader.count(Query<model::Org>().where(&model::Org::created_at, WallTime{i})), 1)
            << "round " << round << ", row " << i;
    });
    acknowledged = last;
  }
}

// In a mount namespace of its own, with a file system of 2 MiB at `folder`.
int fill_the_disk(const std::string& folder) {
  if (::unshare(CLONE_NEWNS) != 0 && ::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return 2;
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return 3;
  if (::mount("tmpfs", folder.c_str(), "tmpfs", 0, "size=2m") != 0) return 4;
  SystemRandom random;
  SqliteStore store(folder + "/db");
  std::int64_t written = 0;
  auto big = [&](std::int64_t number) {
    auto made = numbered(random, number);
    made.metadata.annotations["pad"] = std::string(4000, 'x');
    return made;
  };
  OrgGuid first;
  try {
    for (; written < 10'000; ++written)
      store.write([&](Writer& tx) {
        const auto made = big(written);
        if (written == 0) first = made.guid;
        tx.insert(made);
      });
    return 5;
  } catch (const Error& error) {
    if (error.code() != Code::no_space) {
      ::dprintf(2, "unexpected: %s\n", error.what());
      return 6;
    }
  }
  const auto rows = [&] {
    return store.read([](Reader& reader) { return reader.count(Query<model::Org>()); });
  };
  if (written == 0 || rows() != written) return 7;
  if (::mount("tmpfs", folder.c_str(), "tmpfs", MS_REMOUNT, "size=8m") != 0) return 8;
  store.write([&](Writer& tx) { tx.insert(big(written)); });
  store.write([&](Writer& tx) { tx.erase(first); });
  return rows() == written ? 0 : 9;
}

TEST(SqliteStore, GoesOnAfterTheDiskWasFull) {
  TemporaryFolder folder;
  const int status = wait_for(in_child([&] { return fill_the_disk(folder / ""); }));
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace nuri::store

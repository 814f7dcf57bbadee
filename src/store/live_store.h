#pragma once

// LiveStore: the Store as the server's tasks use it: bodies run on the BlockingPool, and each
// committed write wakes those who follow the nouns that it touched. On one loop.
//
// A body owns what it uses (captures by value): it may run on after its caller was cancelled.

#include <memory>
#include <set>
#include <type_traits>
#include <utility>

#include "async/blocking_pool.h"
#include "async/deadline.h"
#include "async/event.h"
#include "store/store.h"

namespace nuri::store {

// Changes that a follower has not taken yet. Unfollows when destroyed; the LiveStore outlives it.
class Follower {
 public:
  // Waits until something of the nouns changed; returns what, each once. Nothing in it means that
  // anything may have changed: the outcome of a write is not known. IoError: cancelled, timed_out.
  Task<IoResult<Changes>> next();
  // Without waiting: false if nothing changed, and `out` as above.
  bool take(Changes& out);

 private:
  friend class LiveStore;
  explicit Follower(std::set<Noun> nouns) : nouns_(std::move(nouns)) {}
  std::set<Noun> nouns_;
  std::set<Change> pending_;
  bool anything_ = false;
  async::Event arrived_;
  async::Link link_;
};

class LiveStore {
 public:
  LiveStore(Store& store, async::BlockingPool& pool) : store_(store), pool_(pool) {}

  // As Store::read and Store::write; also Error{timeout} after limits::kStoreDeadline. A caller's
  // cancellation does not cut a transaction short: its outcome is always known.
  template <class Body>
  auto read(Body body) -> Task<std::invoke_result_t<Body, Reader&>> {
    co_return co_await async::shielded(
        limits::kStoreDeadline, pool_.run([&store = store_, body = std::move(body)]() mutable {
          return store.read(body);
        }));
  }

  // What the body returns, once it is as durable as that. Followers hear of it also if the caller
  // gets Error{unavailable} or Error{timeout} and it was, or comes to be, written all the same.
  template <class Body>
  auto write(Body body, Durability durability = Durability::synced)
      -> Task<std::invoke_result_t<Body, Writer&>> {
    using Result = std::invoke_result_t<Body, Writer&>;
    async::Loop& loop = (co_await async::current_scope()).loop();
    co_return co_await async::shielded(
        limits::kStoreDeadline,
        pool_.run([&store = store_, &loop, followers = std::weak_ptr(followers_), durability,
                   body = std::move(body)]() mutable -> Result {
          if constexpr (std::is_void_v<Result>) {
            run_write(store, loop, followers, durability, [&](Writer& tx) { body(tx); });
          } else {
            std::optional<Result> out;
            run_write(store, loop, followers, durability,
                      [&](Writer& tx) { out.emplace(body(tx)); });
            return std::move(*out);
          }
        }));
  }

  // Must be destroyed before this.
  std::unique_ptr<Follower> follow(std::set<Noun> nouns);

 private:
  using Followers = async::List<Follower, &Follower::link_>;

  // On a thread of the pool: writes, and then tells the followers on their loop.
  static void run_write(Store& store, async::Loop& loop, const std::weak_ptr<Followers>& followers,
                        Durability durability, const std::function<void(Writer&)>& body);
  static void publish(Followers& followers, const std::optional<Changes>& changes);

  Store& store_;
  async::BlockingPool& pool_;
  std::shared_ptr<Followers> followers_ = std::make_shared<Followers>();
};

}  // namespace nuri::store

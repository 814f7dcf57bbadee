#pragma once

// LiveStore: the Store as the server's tasks use it: bodies run on the BlockingPool, and each committed
// write wakes those who follow the nouns that it touched. On one loop.
//
// A body owns what it uses (captures by value): it may run on after its caller was cancelled.

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
  // Waits until something of the nouns changed; returns what, each once. IoError: cancelled, timed_out.
  Task<IoResult<Changes>> next();
  // Without waiting.
  Changes take();

 private:
  friend class LiveStore;
  explicit Follower(std::set<Noun> nouns) : nouns_(std::move(nouns)) {}
  std::set<Noun> nouns_;
  std::set<Change> pending_;
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
        limits::kStoreDeadline,
        pool_.run([this, body = std::move(body)]() mutable { return store_.read(body); }));
  }

  // What the body returns, once it is durable.
  template <class Body>
  auto write(Body body) -> Task<std::invoke_result_t<Body, Writer&>> {
    using Result = std::invoke_result_t<Body, Writer&>;
    if constexpr (std::is_void_v<Result>) {
      publish(co_await async::shielded(
          limits::kStoreDeadline,
          pool_.run([this, body = std::move(body)]() mutable { return store_.write(body); })));
    } else {
      auto [result, changes] = co_await async::shielded(
          limits::kStoreDeadline, pool_.run([this, body = std::move(body)]() mutable {
            std::optional<Result> out;
            Changes done = store_.write([&](Writer& tx) { out.emplace(body(tx)); });
            return std::pair<Result, Changes>(std::move(*out), std::move(done));
          }));
      publish(changes);
      co_return std::move(result);
    }
  }

  // Must be destroyed before this.
  std::unique_ptr<Follower> follow(std::set<Noun> nouns);

 private:
  void publish(const Changes& changes);
  Store& store_;
  async::BlockingPool& pool_;
  async::List<Follower, &Follower::link_> followers_;
};

}  // namespace nuri::store

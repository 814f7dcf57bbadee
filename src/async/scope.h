#pragma once

// Scope: who is cancelled together. Every task runs in one; it hands its scope to the tasks that it
// awaits. A TaskGroup and a deadline each make a child scope. Once a scope is cancelled, each wait
// in it and below, now or later, ends at once with the cause. It also says what goes first when
// many waits are over. One loop's thread only.

#include <coroutine>
#include <cstdint>
#include <optional>

#include "async/intrusive.h"
#include "async/io_error.h"

namespace nuri::async {

class Loop;
class Scope;

// What every promise of a Task holds.
struct PromiseBase {
  std::coroutine_handle<> continuation;
  Scope* scope = nullptr;
};

// A coroutine that waits. An awaitable derives from it and lives in the waiting frame; destroying
// the frame takes it out of every list, so nothing can resume a frame that is gone.
class Waiter {
 public:
  Waiter() = default;
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

  // Ends the wait: the coroutine is resumed in a coming step of the loop. The result must be set.
  void wake();
  bool parked() const { return handle_ && !woken_; }

 protected:
  ~Waiter() = default;

  // From await_suspend. The cause if the scope is cancelled already (then the coroutine must not be
  // suspended: return false), else nullopt and the waiter is parked in the scope.
  template <class Promise>
  std::optional<IoError> cause_of(std::coroutine_handle<Promise> handle) {
    PromiseBase& promise = handle.promise();
    return cause_of(promise.scope);
  }
  template <class Promise>
  void park(std::coroutine_handle<Promise> handle) {
    PromiseBase& promise = handle.promise();
    park_in(handle, *promise.scope);
  }
  void park_in(std::coroutine_handle<> handle, Scope& scope);

 private:
  friend class Scope;
  friend class Loop;
  friend class SimulatedLoop;
  // The scope was cancelled while parked: set the result, leave whatever will not come any more.
  // The caller wakes.
  virtual void on_cancel(IoError cause) = 0;

  static std::optional<IoError> cause_of(Scope* scope);
  std::coroutine_handle<> handle_;
  Scope* scope_ = nullptr;
  bool woken_ = false;
  Link ready_link_;  // in the loop's ready list
  Link scope_link_;  // in the scope's list of waiters
};

// What a wait's end stands for. What is under way goes on before the loop begins anything: then
// little is open at a time, and it is still in the processor's caches when it goes on.
enum class Work : std::uint8_t { under_way, beginning };

class Scope {
 public:
  explicit Scope(Loop& loop) : loop_(loop) {}
  // A child: cancelled with its parent, which must outlive it. Its work is its parent's, or `work`.
  explicit Scope(Scope& parent) : Scope(parent, parent.work_) {}
  Scope(Scope& parent, Work work);
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

  Loop& loop() const { return loop_; }
  // Idempotent; the first cause stays.
  void cancel(IoError cause = IoError::cancelled);
  std::optional<IoError> cause() const { return cause_; }
  bool cancelled() const { return cause_.has_value(); }
  Work work() const { return work_; }

 private:
  friend class Waiter;
  Loop& loop_;
  const Work work_ = Work::under_way;
  std::optional<IoError> cause_;
  Link link_;  // in the parent's list of children
  List<Scope, &Scope::link_> children_;
  List<Waiter, &Waiter::scope_link_> waiters_;
};

// co_await current_scope(): the Scope& that the running task is in.
struct CurrentScope {
  Scope* scope = nullptr;
  bool await_ready() const { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> handle) {
    scope = handle.promise().scope;
    return false;
  }
  Scope& await_resume() const { return *scope; }
};
inline CurrentScope current_scope() { return {}; }

}  // namespace nuri::async

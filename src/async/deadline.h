#pragma once

// Sleeping, and limits on how long a task may take.

#include "async/loop.h"
#include "async/task.h"

namespace nuri::async {

// co_await sleep(1s): nothing, or the cause of the scope's cancellation.
class Sleep final : Waiter, Timer {
 public:
  explicit Sleep(Duration duration) : duration_(duration) {}
  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> handle) {
    cause_ = cause_of(handle);
    if (cause_) return false;
    park(handle);
    handle.promise().scope->loop().arm(*this, duration_);
    return true;
  }
  IoResult<void> await_resume() const {
    if (cause_) return std::unexpected(*cause_);
    return {};
  }

 private:
  void on_timer() override { wake(); }
  void on_cancel(IoError cause) override {
    disarm();
    cause_ = cause;
  }
  Duration duration_;
  std::optional<IoError> cause_;
};
inline Sleep sleep(Duration duration) { return Sleep(duration); }
// Lets everything else that is ready run first.
inline Sleep yield() { return Sleep(Duration(0)); }

// A scope that is cancelled with IoError::timed_out when its time is up.
class DeadlineScope : public Scope, Timer {
 public:
  DeadlineScope(Scope& parent, Duration after) : Scope(parent) {
    loop().arm(static_cast<Timer&>(*this), after);
    until_ = when();
  }
  // Moves the deadline: `after` from this turn. Cheap, however often: the timer moves on when it
  // fires early.
  void extend(Duration after) {
    until_ = loop().by_turn(after);
    if (!armed() || until_ < when()) loop().arm(static_cast<Timer&>(*this), until_);
  }
  void lift() { disarm(); }

 private:
  void on_timer() override {
    if (loop().turned() < until_) return loop().arm(static_cast<Timer&>(*this), until_);
    cancel(IoError::timed_out);
  }

  Time until_;
};

// co_await within(5s, task): the task's own result; when the time is up every wait inside it ends
// with IoError::timed_out, and what the task makes of that is the result.
template <class T>
Task<T> within(Duration limit, Task<T> task) {
  DeadlineScope scope(co_await current_scope(), limit);
  co_return co_await std::move(task).in(scope);
}

// For clean-up that must be awaited although the caller was cancelled: runs outside the caller's
// scope, with a deadline of its own.
template <class T>
Task<T> shielded(Duration limit, Task<T> task) {
  Scope root((co_await current_scope()).loop());
  DeadlineScope scope(root, limit);
  co_return co_await std::move(task).in(scope);
}

}  // namespace nuri::async

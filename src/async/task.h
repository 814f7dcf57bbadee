#pragma once

// Task<T>: a coroutine that starts when it is awaited, has one awaiter, and hands control back to
// it by symmetric transfer (no stack grows, however long the chain). Exceptions pass to the
// awaiter. A Task that was never awaited runs nothing; destroying one destroys its frame and,
// through it, the frames it awaits. Rules for the body: docs/design/async.md.

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

#include "async/scope.h"
#include "base/assert.h"

namespace nuri::async {

template <class T>
class Task;

namespace detail {

struct FinalAwaiter {
  bool await_ready() const noexcept { return false; }
  template <class Promise>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> done) const noexcept {
    const auto next = done.promise().continuation;
    return next ? next : std::noop_coroutine();
  }
  void await_resume() const noexcept {}
};

template <class T>
struct Promise : PromiseBase {
  std::optional<T> value;
  std::exception_ptr error;

  Task<T> get_return_object();
  std::suspend_always initial_suspend() const noexcept { return {}; }
  FinalAwaiter final_suspend() const noexcept { return {}; }
  void unhandled_exception() noexcept { error = std::current_exception(); }
  template <class U>
  void return_value(U&& result) {
    value.emplace(std::forward<U>(result));
  }
  T take() {
    if (error) std::rethrow_exception(std::exchange(error, nullptr));
    NURI_ASSERT(value);
    return std::move(*value);
  }
};

template <>
struct Promise<void> : PromiseBase {
  std::exception_ptr error;

  Task<void> get_return_object();
  std::suspend_always initial_suspend() const noexcept { return {}; }
  FinalAwaiter final_suspend() const noexcept { return {}; }
  void unhandled_exception() noexcept { error = std::current_exception(); }
  void return_void() const noexcept {}
  void take() {
    if (error) std::rethrow_exception(std::exchange(error, nullptr));
  }
};

}  // namespace detail

template <class T = void>
class [[nodiscard("a Task runs only when awaited or spawned")]] Task {
 public:
  using promise_type = detail::Promise<T>;
  using Handle = std::coroutine_handle<promise_type>;

  Task() = default;
  explicit Task(Handle handle) : handle_(handle) {}
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  Task& operator=(Task&& other) noexcept {
    if (this != &other) {
      destroy();
      handle_ = std::exchange(other.handle_, {});
    }
    return *this;
  }
  ~Task() { destroy(); }

  explicit operator bool() const { return static_cast<bool>(handle_); }

  // In the awaiting task's scope.
  auto operator co_await() && { return Awaiter{handle_, nullptr}; }
  // In `scope`, which must outlive the await.
  auto in(Scope& scope) && { return Awaiter{handle_, &scope}; }

  // For TaskGroup and Loop, which are the awaiters of what nobody co_awaits.
  Handle handle() const { return handle_; }

 private:
  struct Awaiter {
    Handle handle;
    Scope* scope;
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> parent) noexcept {
      NURI_ASSERT(handle && !handle.promise().scope);  // one awaiter, once
      handle.promise().continuation = parent;
      handle.promise().scope = scope ? scope : parent.promise().scope;
      return handle;
    }
    T await_resume() { return handle.promise().take(); }
  };

  void destroy() {
    if (handle_) std::exchange(handle_, {}).destroy();
  }

  Handle handle_;
};

namespace detail {
template <class T>
Task<T> Promise<T>::get_return_object() {
  return Task<T>(std::coroutine_handle<Promise>::from_promise(*this));
}
inline Task<void> Promise<void>::get_return_object() {
  return Task<void>(std::coroutine_handle<Promise>::from_promise(*this));
}
}  // namespace detail

}  // namespace nuri::async

namespace nuri {
using async::Task;
}

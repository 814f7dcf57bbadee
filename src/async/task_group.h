#pragma once

// TaskGroup: the owner of tasks that run side by side. Nothing in Nuri runs outside one.
//   TaskGroup group(loop);
//   group.spawn(serve(std::move(connection)));
//   co_await group.join();
// join() waits until every task has ended; cancelling the joiner cancels the group. The first
// exception cancels the others and is thrown by join(). Destroying a group destroys the frames of
// what still runs: for unwinding and simulated crashes; the ordinary way is cancel() and join().

#include <exception>
#include <list>
#include <memory>

#include "async/loop.h"
#include "async/task.h"

namespace nuri::async {

class TaskGroup {
 public:
  // The group's scope hangs under the loop's root; join() adds the joiner's.
  explicit TaskGroup(Loop& loop);
  // It hangs under `owner`, which must outlive the group: TaskGroup group(co_await
  // current_scope()). For what may run shielded, where the loop's root no longer counts.
  explicit TaskGroup(Scope& owner);
  ~TaskGroup();
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  // The task starts in a coming step of the loop, also if the group is cancelled (its waits then
  // end).
  void spawn(Task<void> task);
  // The owner wants the tasks to end: an Error of Code::cancelled is no failure of theirs from now
  // on, and join() does not throw it.
  void cancel(IoError cause = IoError::cancelled) {
    ending_ = true;
    scope_.cancel(cause);
  }
  std::size_t size() const { return running_; }
  Scope& scope() { return scope_; }

  class Join final : Waiter {
   public:
    explicit Join(TaskGroup& group) : group_(group) {}
    // A joiner whose frame is destroyed leaves the group as it was.
    ~Join() {
      if (joining_) group_.joiner_ = nullptr;
    }
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> handle) {
      NURI_ASSERT(!group_.joiner_);
      if (const auto cause = cause_of(handle)) group_.scope_.cancel(*cause);
      if (group_.running_ == 0) return false;
      // Parked in a scope of its own: a cancelled joiner still waits for its children to end.
      guard_.emplace(*handle.promise().scope, group_);
      park_in(handle, group_.joining_);
      group_.joiner_ = this;
      joining_ = true;
      return true;
    }
    void await_resume();

   private:
    friend class TaskGroup;
    void on_cancel(IoError) override {}
    // Passes the joiner's cancellation on to the group.
    class Guard final : Waiter {
     public:
      Guard(Scope& scope, TaskGroup& group) : group_(group) {
        park_in(std::noop_coroutine(), scope);
      }

     private:
      void on_cancel(IoError cause) override { group_.scope_.cancel(cause); }
      TaskGroup& group_;
    };
    TaskGroup& group_;
    bool joining_ = false;  // the group points here
    std::optional<Guard> guard_;
  };
  Join join() { return Join(*this); }

 private:
  struct Child;
  using Children = std::list<std::unique_ptr<Child>>;
  void ended(Child& child);

  // Frees the frames of ended children one step later: an ending frame cannot free itself.
  class Reaper final : public Timer {
   public:
    explicit Reaper(Children& ended) : ended_(ended) {}

   private:
    void on_timer() override;
    Children& ended_;
  };

  Scope scope_;
  Scope joining_{scope_.loop()};
  std::size_t running_ = 0;
  bool ending_ = false;
  Children children_;
  Children ended_;
  Reaper reaper_{ended_};
  std::exception_ptr error_;
  Join* joiner_ = nullptr;
};

}  // namespace nuri::async

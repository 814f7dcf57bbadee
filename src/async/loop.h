#pragma once

// Loop: one thread's tasks, timers and descriptors. Three implementations behind this interface:
// epoll (EpollLoop), simulated (SimulatedLoop: virtual time, a seeded order), io_uring. All members
// are for the loop's own thread unless they say "any thread".

#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "async/operation.h"
#include "async/scope.h"
#include "async/task.h"
#include "async/timer.h"
#include "base/clock.h"
#include "base/fd.h"

namespace nuri::async {

class HangupWatch;

// Starts a coroutine that nobody co_awaits: in a coming step, in `scope`. Lives as long as the
// frame.
class Starter final : Waiter {
 public:
  template <class Promise>
  void start(std::coroutine_handle<Promise> handle, Scope& scope) {
    handle.promise().scope = &scope;
    park(handle);
    wake();
  }

 private:
  void on_cancel(IoError) override {}
};

class Loop : public Clock {
 public:
  Loop();
  ~Loop() override;
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Runs `task` to its end and then everything it left to the loop (descriptors being closed);
  // returns its result or throws what it threw. Asserts if a descriptor is left then. Not
  // reentrant.
  template <class T>
  T run(Task<T> task) {
    struct Settled {
      Loop& loop;
      ~Settled() { loop.settle(); }
    };
    const Settled after_the_frame_is_gone{*this};
    const Task<T> running = std::move(task);
    Starter starter;
    starter.start(running.handle(), root_);
    while (!running.handle().done()) turn(Wait::yes);
    return running.handle().promise().take();
  }

  Scope& root() { return root_; }
  // Cancels everything that runs (run() then returns as soon as the tasks have ended).
  void cancel() { root_.cancel(); }

  void arm(Timer& timer, Time when) { timers_.arm(timer, when); }
  // `after` from now; what would be later than kNever never comes.
  void arm(Timer& timer, Duration after) { timers_.arm(timer, later(now(), after)); }
  // When the kernel was last asked: now(), but for what this turn took so far, and without a call.
  virtual Time turned() const = 0;
  Time by_turn(Duration after) const { return later(turned(), after); }

  // Any thread: runs `job` on the loop in a coming turn. The loop must be alive; a job that is
  // never run because the loop ended is destroyed.
  void post(std::move_only_function<void()> job);

  // What Descriptor is made of. adopt takes the descriptor (it becomes non-blocking); release gives
  // it up: it never waits, the loop closes it when nothing is under way. No operation may be
  // registered then.
  virtual SlotId adopt(Fd fd) = 0;
  virtual void release(SlotId slot) = 0;
  virtual int native(SlotId slot) const = 0;
  // True if the operation ended at once, else the loop keeps it until it wakes it or is told to
  // forget.
  virtual bool start(Operation& operation) = 0;
  virtual void forget(Operation& operation) = 0;
  // What HangupWatch is made of; one a descriptor.
  virtual void watch(SlotId slot, HangupWatch& watch) = 0;
  virtual void unwatch(SlotId slot) = 0;
  // True: neither bytes nor the end had come when the kernel was last asked. False: perhaps. Never
  // a call.
  virtual bool seen_quiet(SlotId slot) const = 0;
  // Bytes that were received before anybody asked for them. The first: whether there are; the
  // second takes them, as many as there is room for: a call on the descriptor itself goes on behind
  // all of them.
  virtual bool holds_bytes(SlotId) const { return false; }
  virtual std::size_t take_held(SlotId, std::span<char>) { return 0; }
  // Descriptors held. Zero after run().
  virtual std::size_t slots() const = 0;

  virtual void give_back(std::uint32_t buffer) = 0;

 protected:
  enum class Wait { no, yes };

  // One turn: waits for the kernel if Wait::yes and nothing is ready (in simulation, moves the
  // clock), fires timers, runs posted jobs, resumes what is ready. The end of run()'s task is seen
  // before the next wait.
  virtual void turn(Wait wait) = 0;
  // Makes a turn() that waits in another thread return. Any thread.
  virtual void interrupt() = 0;
  // Turns until no descriptor is left.
  void settle();

  // For implementations: whether something can be resumed now; resume one of them.
  bool anything_ready() const { return !ready_.empty() || !beginning_.empty(); }
  std::size_t ready_count() const { return ready_.size() + beginning_.size(); }
  // All that is under way; of what begins a little, and more for a share of the turn's time.
  void resume_ready();
  void resume_at(std::size_t n);  // the n-th of ready_count(), for a seeded order
  // What waits to begin holds buffers: whether so few are left that it has to begin now.
  virtual bool short_of_buffers() const { return false; }
  // False if there was none.
  bool run_posted();

  // An operation that ended without waiting spends one credit; when none is left the task yields,
  // so that a connection that always has data cannot starve the rest.
  bool spend_credit() { return credits_ > 0 && credits_-- > 0; }
  void new_credits() { credits_ = 64; }

  TimerHeap timers_;

 private:
  friend class Waiter;
  using Waiters = List<Waiter, &Waiter::ready_link_>;
  static Time later(Time start, Duration after) {
    return after > kNever - start ? kNever : start + after;
  }
  void make_ready(Waiter& waiter, Work work) {
    (work == Work::beginning ? beginning_ : ready_).push_back(waiter);
  }
  void resume(Waiter& waiter);
  void begin_some(Waiters& beginnings);

  Scope root_;
  Waiters ready_, beginning_;
  int credits_ = 64;

  std::mutex mutex_;
  std::vector<std::move_only_function<void()>> posted_;
};

}  // namespace nuri::async

#pragma once

// BlockingPool: where calls that block run (SQLite, hashing, tar, fsync, mount), so that the loop
// does not. In simulation the job runs on the loop at a seeded later time. A job that has begun is
// not interrupted; its awaiter may leave at a deadline, then the result is dropped when it comes.

#include <functional>
#include <memory>
#include <optional>
#include <type_traits>

#include "async/event.h"
#include "async/simulated_loop.h"
#include "async/task.h"

namespace nuri::async {

class BlockingPool {
 public:
  virtual ~BlockingPool() = default;

  // Any thread. Runs `work` and then, on `loop`, `done`. Throws Error{too_many} if the queue is
  // full.
  virtual void submit(Loop& loop, std::move_only_function<void()> work,
                      std::move_only_function<void()> done) = 0;

  // co_await pool.run([&]{ … }): the result of `call`, or what it threw; Error{timeout|cancelled}
  // if the scope ended first, and then `call` may still be running: what it uses must live on
  // (capture by value).
  template <class Call>
  Task<std::invoke_result_t<Call>> run(Call call);
};

// Threads for the jobs. Its destructor waits for jobs that have begun; it must be destroyed before
// the loops.
class ThreadPool final : public BlockingPool {
 public:
  explicit ThreadPool(std::size_t threads, std::size_t queue_limit);
  ~ThreadPool() override;
  void submit(Loop& loop, std::move_only_function<void()> work,
              std::move_only_function<void()> done) override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Runs each job on the simulated loop between 0 and `slowest` later, in a seeded order.
class SimulatedPool final : public BlockingPool {
 public:
  SimulatedPool(SimulatedLoop& loop, Duration slowest);
  ~SimulatedPool() override;
  void submit(Loop& loop, std::move_only_function<void()> work,
              std::move_only_function<void()> done) override;

 private:
  struct Job;
  SimulatedLoop& loop_;
  Duration slowest_;
  std::vector<std::unique_ptr<Job>> jobs_;
};

template <class Call>
Task<std::invoke_result_t<Call>> BlockingPool::run(Call call) {
  using Result = std::invoke_result_t<Call>;
  using Stored = std::conditional_t<std::is_void_v<Result>, bool, Result>;
  Scope& scope = co_await current_scope();
  if (scope.cause()) throw error_of(*scope.cause(), "start a background job");
  struct Outcome {
    explicit Outcome(Call c) : call(std::move(c)) {}
    Call call;
    std::optional<Stored> value;
    std::exception_ptr error;
    Event done;
  };
  auto outcome = std::make_shared<Outcome>(std::move(call));
  submit(
      scope.loop(),
      [outcome] {
        try {
          if constexpr (std::is_void_v<Result>) {
            outcome->call();
            outcome->value = true;
          } else {
            outcome->value.emplace(outcome->call());
          }
        } catch (...) {
          outcome->error = std::current_exception();
        }
      },
      [outcome] { outcome->done.set(); });
  if (auto waited = co_await outcome->done.wait(); !waited)
    throw error_of(waited.error(), "wait for a background job");
  if (outcome->error) std::rethrow_exception(outcome->error);
  if constexpr (!std::is_void_v<Result>) co_return std::move(*outcome->value);
}

}  // namespace nuri::async

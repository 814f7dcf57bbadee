#include "async/blocking_pool.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "base/error.h"

namespace nuri::async {

struct ThreadPool::State {
  struct Job {
    Loop* loop;
    std::move_only_function<void()> work, done;
  };
  std::mutex mutex;
  std::condition_variable wake;
  std::deque<Job> queue;
  std::size_t limit = 0;
  bool ending = false;
  std::vector<std::thread> threads;

  void serve() {
    for (;;) {
      Job job;
      {
        std::unique_lock lock(mutex);
        wake.wait(lock, [this] { return ending || !queue.empty(); });
        if (ending) return;
        job = std::move(queue.front());
        queue.pop_front();
      }
      job.work();
      job.work = nullptr;  // what it captured is freed before anybody learns that it is done
      job.loop->post(std::move(job.done));
    }
  }
};

ThreadPool::ThreadPool(std::size_t threads, std::size_t queue_limit)
    : state_(std::make_unique<State>()) {
  state_->limit = queue_limit;
  for (std::size_t i = 0; i < threads; ++i)
    state_->threads.emplace_back([s = state_.get()] { s->serve(); });
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->ending = true;
  }
  state_->wake.notify_all();
  for (auto& thread : state_->threads) thread.join();
}

void ThreadPool::submit(Loop& loop, std::move_only_function<void()> work,
                        std::move_only_function<void()> done) {
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->queue.size() >= state_->limit)
      throw Error(Code::too_many, "too many background jobs wait already: try again in a moment");
    state_->queue.push_back({&loop, std::move(work), std::move(done)});
  }
  state_->wake.notify_one();
}

struct SimulatedPool::Job final : Timer {
  SimulatedPool* pool = nullptr;
  std::move_only_function<void()> work, done;

 private:
  void on_timer() override {
    // The job leaves the pool before it runs: it may submit others.
    std::unique_ptr<Job> self;
    for (auto& job : pool->jobs_)
      if (job.get() == this) {
        self = std::move(job);
        std::swap(job, pool->jobs_.back());
        pool->jobs_.pop_back();
        break;
      }
    work();
    work = nullptr;
    done();
  }
};

SimulatedPool::SimulatedPool(SimulatedLoop& loop, Duration slowest)
    : loop_(loop), slowest_(slowest) {}
SimulatedPool::~SimulatedPool() = default;

void SimulatedPool::submit(Loop&, std::move_only_function<void()> work,
                           std::move_only_function<void()> done) {
  auto& job = *jobs_.emplace_back(std::make_unique<Job>());
  job.pool = this;
  job.work = std::move(work);
  job.done = std::move(done);
  const auto bound = static_cast<std::uint64_t>(slowest_.count()) + 1;
  loop_.arm(job, Duration(static_cast<std::int64_t>(loop_.random().below(bound))));
}

}  // namespace nuri::async

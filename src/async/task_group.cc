#include "async/task_group.h"

namespace nuri::async {

struct TaskGroup::Child {
  Starter starter;
  Task<void> body;
  Children::iterator place;
  static Task<void> run(TaskGroup& group, Child& child, Task<void> task);
};

Task<void> TaskGroup::Child::run(TaskGroup& group, Child& child, Task<void> task) {
  std::exception_ptr error;
  try {
    co_await std::move(task);
  } catch (const Error& thrown) {
    if (!group.ending_ || thrown.code() != Code::cancelled) error = std::current_exception();
  } catch (...) {
    error = std::current_exception();
  }
  if (error) {
    if (!group.error_) group.error_ = error;
    group.scope_.cancel();
  }
  group.ended(child);
}

TaskGroup::TaskGroup(Loop& loop) : TaskGroup(loop.root()) {}
TaskGroup::TaskGroup(Scope& owner) : scope_(owner) {}

TaskGroup::~TaskGroup() {
  if (joiner_) joiner_->joining_ = false;
  // Frames may spawn or end others while they are destroyed; take them one at a time.
  while (!children_.empty()) {
    std::unique_ptr<Child> child = std::move(children_.front());
    children_.pop_front();
  }
}

void TaskGroup::spawn(Task<void> task) {
  Child& child = *children_.emplace_back(std::make_unique<Child>());
  child.place = std::prev(children_.end());
  child.body = Child::run(*this, child, std::move(task));
  child.starter.start(child.body.handle(), scope_);
  ++running_;
}

void TaskGroup::Reaper::on_timer() { ended_.clear(); }

void TaskGroup::ended(Child& child) {
  NURI_ASSERT(running_ > 0);
  --running_;
  ended_.splice(ended_.end(), children_, child.place);
  if (!reaper_.armed()) scope_.loop().arm(reaper_, Duration(0));
  if (running_ > 0 || !joiner_) return;
  joiner_->joining_ = false;
  std::exchange(joiner_, nullptr)->wake();
}

void TaskGroup::Join::await_resume() {
  guard_.reset();
  group_.ended_.clear();
  group_.reaper_.disarm();
  if (group_.error_) std::rethrow_exception(std::exchange(group_.error_, nullptr));
}

}  // namespace nuri::async

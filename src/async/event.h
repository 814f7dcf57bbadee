#pragma once

// Event: tasks of one loop wait until another sets it. Waiting on a set event ends at once.

#include "async/loop.h"
#include "async/scope.h"

namespace nuri::async {

class Event {
 public:
  Event() = default;
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  bool is_set() const { return set_; }
  void set() {
    set_ = true;
    wake_all();
  }
  void clear() { set_ = false; }
  // Wakes who waits now, without staying set.
  void pulse() { wake_all(); }

  class Wait final : Waiter {
   public:
    explicit Wait(Event& event) : event_(event) {}
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> handle) {
      cause_ = cause_of(handle);
      if (cause_ || event_.set_) return false;
      park(handle);
      event_.waiters_.push_back(*this);
      return true;
    }
    IoResult<void> await_resume() const {
      if (cause_) return std::unexpected(*cause_);
      return {};
    }

   private:
    friend class Event;
    void on_cancel(IoError cause) override {
      event_link_.unlink();
      cause_ = cause;
    }
    Event& event_;
    Link event_link_;
    std::optional<IoError> cause_;
  };
  Wait wait() { return Wait(*this); }

 private:
  void wake_all() {
    while (!waiters_.empty()) waiters_.pop_front().wake();
  }
  bool set_ = false;
  List<Wait, &Wait::event_link_> waiters_;
};

}  // namespace nuri::async

#pragma once

// Slots: how many requests may be under way at once, of a route or an instance, on all workers
// together. Lock-free; any thread.

#include <atomic>
#include <memory>
#include <utility>

namespace nuri::router {

class Slots {
 public:
  explicit Slots(int limit) : limit_(limit) {}
  Slots(const Slots&) = delete;
  Slots& operator=(const Slots&) = delete;

  void set_limit(int limit) { limit_.store(limit, std::memory_order_relaxed); }
  bool full() const {
    return used_.load(std::memory_order_relaxed) >= limit_.load(std::memory_order_relaxed);
  }
  int used() const { return used_.load(std::memory_order_relaxed); }

  // One of them, until it is destroyed; false: none is free.
  class Taken {
   public:
    Taken() = default;
    explicit Taken(std::shared_ptr<Slots> slots) {
      if (slots->take()) slots_ = std::move(slots);
    }
    Taken(Taken&& other) noexcept : slots_(std::move(other.slots_)) {}
    Taken& operator=(Taken&& other) noexcept {
      std::swap(slots_, other.slots_);
      return *this;
    }
    ~Taken() {
      if (slots_) slots_->used_.fetch_sub(1, std::memory_order_relaxed);
    }
    explicit operator bool() const { return slots_ != nullptr; }

   private:
    std::shared_ptr<Slots> slots_;
  };

 private:
  bool take() {
    int used = used_.load(std::memory_order_relaxed);
    while (used < limit_.load(std::memory_order_relaxed))
      if (used_.compare_exchange_weak(used, used + 1, std::memory_order_relaxed)) return true;
    return false;
  }
  std::atomic<int> limit_;
  std::atomic<int> used_{0};
};

}  // namespace nuri::router

#pragma once

// Turn: tasks of one loop do something one after the other, such as sending on one socket.
//   auto mine = co_await turn.take();
//   if (!mine) co_return std::unexpected(mine.error());
// The turn ends with `mine`, which must not outlive the Turn.

#include <utility>

#include "async/event.h"
#include "async/task.h"

namespace nuri::router {

class Turn {
 public:
  class Mine {
   public:
    explicit Mine(Turn& turn) : turn_(&turn) { turn.taken_ = true; }
    Mine(Mine&& other) noexcept : turn_(std::exchange(other.turn_, nullptr)) {}
    Mine& operator=(Mine&&) = delete;
    ~Mine() {
      if (!turn_) return;
      turn_->taken_ = false;
      turn_->over_.pulse();
    }

   private:
    Turn* turn_;
  };

  bool taken() const { return taken_; }
  Task<IoResult<Mine>> take() {
    while (taken_)
      if (auto waited = co_await over_.wait(); !waited) co_return std::unexpected(waited.error());
    co_return Mine(*this);
  }

 private:
  bool taken_ = false;
  async::Event over_;
};

}  // namespace nuri::router

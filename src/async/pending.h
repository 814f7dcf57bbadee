#pragma once

// Pending: the operation that waits on one side of a descriptor, reading or writing, if any, and
// how long it may. Its timer stays armed from one operation to the next and moves on when it fires
// early: most operations end long before their limit, and cost no timer. For the loops.

#include "async/operation.h"
#include "async/timer.h"

namespace nuri::async {

class Pending final : Timer {
 public:
  Operation* get() const { return operation_; }
  explicit operator bool() const { return operation_; }

  // `operation`, of a loop, waits from now on: registered, and forgotten by its loop before end().
  // At its deadline it ends with IoError::timed_out.
  void begin(Operation& operation);
  void end() { operation_ = nullptr; }
  // The descriptor goes.
  void close() { disarm(); }

 private:
  void on_timer() override;

  Operation* operation_ = nullptr;
  Time until_;
};

}  // namespace nuri::async

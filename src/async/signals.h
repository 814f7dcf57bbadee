#pragma once

// Signals as something to await (signalfd(2)). Make it in the main thread before any other thread
// starts: it blocks the signals, and threads inherit that.

#include <signal.h>

#include <initializer_list>

#include "async/descriptor.h"
#include "async/task.h"

namespace nuri::async {

class Signals {
 public:
  // From now on these stay pending, in this thread and those that it starts. Throws Error.
  static void hold(std::initializer_list<int> numbers);

  Signals(Loop& loop, std::initializer_list<int> numbers);
  // The next signal's number.
  Task<IoResult<int>> next();

 private:
  Descriptor fd_;
};

}  // namespace nuri::async

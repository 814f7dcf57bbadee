#include "async/simulated_loop.h"

namespace nuri::async {

SimulatedLoop::SimulatedLoop(std::uint64_t seed) : random_(seed) {}

void SimulatedLoop::turn(Wait wait) {
  ++steps_;
  new_credits();
  if (run_posted()) return;
  if (anything_ready()) {
    resume_at(random_.below(ready_count()));
    return;
  }
  if (timers_.fire_one(now_)) return;
  // Nothing can run and nothing will: every task waits for another. In a real loop this would hang.
  NURI_ASSERT(wait == Wait::no || timers_.next() != kNever);
  if (timers_.next() != kNever) now_ = timers_.next();
}

void SimulatedLoop::drive(Time until, const std::function<bool()>& done) {
  while (!done()) {
    const Time next = timers_.next();
    if (!anything_ready() && (next > until || next == kNever)) {
      if (run_posted()) continue;
      if (until != kNever) now_ = until;
      return;
    }
    turn(Wait::no);
  }
}

SlotId SimulatedLoop::adopt(Fd) {
  assert_failed("no descriptors in simulation", __FILE__, __LINE__);
}
void SimulatedLoop::release(SlotId) {}
int SimulatedLoop::native(SlotId) const { return -1; }
bool SimulatedLoop::start(Operation&) {
  assert_failed("no descriptors in simulation", __FILE__, __LINE__);
}
void SimulatedLoop::watch(SlotId, HangupWatch&) {
  assert_failed("no descriptors in simulation", __FILE__, __LINE__);
}
void SimulatedLoop::forget(Operation&) {}
void SimulatedLoop::give_back(std::uint32_t) {}

}  // namespace nuri::async

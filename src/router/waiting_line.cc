#include "router/waiting_line.h"

#include "async/deadline.h"

namespace nuri::router {
namespace {

Task<IoResult<void>> wait_for(async::Event& event) { co_return co_await event.wait(); }

}  // namespace

WaitingLine::Place::Place(WaitingLine& line, Time now) : line_(line), since_(now) {
  line_.places_.push_back(*this);
  ++line_.size_;
}

WaitingLine::Place::~Place() {
  const bool was_front = front();
  link_.unlink();
  --line_.size_;
  // There may be room for more than one.
  if (was_front) line_.call();
}

Task<IoResult<void>> WaitingLine::Place::turn(Duration limit) {
  if (!std::exchange(called_, false)) {
    auto waited = co_await async::within(limit, wait_for(call_));
    if (!waited) co_return waited;
  }
  called_ = false;
  co_return IoResult<void>{};
}

void WaitingLine::call() {
  if (places_.empty()) return;
  places_.front().called_ = true;
  places_.front().call_.pulse();
}

Time WaitingLine::oldest() { return places_.empty() ? kNever : places_.front().since_; }

}  // namespace nuri::router

#include "router/route_gate.h"

#include <algorithm>

namespace nuri::router {

RouteGate::Stand::Stand(std::shared_ptr<RouteGate> gate, Time now) : gate_(std::move(gate)) {
  place_.emplace(gate_->line, now);
  tell_others();
}

RouteGate::Stand::~Stand() {
  place_.reset();
  tell_others();
}

void RouteGate::Stand::tell_others() {
  if (!gate_->fairness) return;
  if (gate_->line.empty())
    gate_->fairness->waits_no_more(gate_->worker);
  else
    gate_->fairness->waits(gate_->worker, gate_->line.oldest());
}

Task<IoResult<void>> RouteGate::Stand::turn(Duration limit) {
  const bool looks = gate_->limited && front() && limit > kLook;
  auto called = co_await place_->turn(looks ? kLook : limit);
  if (!called && called.error() == IoError::timed_out && looks) co_return IoResult<void>{};
  co_return called;
}

}  // namespace nuri::router

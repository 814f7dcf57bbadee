#include <fmt/format.h>

#include "async/deadline.h"
#include "router/exchange.h"
#include "router/visit.h"

// How an exchange comes to an instance: its slots, and the line that it waits in.

namespace nuri::router {
namespace {

constexpr std::size_t kLine = 1000;  // a route's, at one worker, if it says nothing
constexpr Duration kWait = 10s;      // in it
constexpr Duration kParked = 60s;    // in it, for an app that sleeps
constexpr Duration kWakeAgain = 5s;  // if nothing came of it

}  // namespace

// A slot of the route and one of the instance are taken together, or none is.
Exchange::Choice Exchange::choose(Route& route) {
  RouteGate& gate = *route.gate;
  const Time now = ground_.loop.turned();
  if (gate.limited) {
    // Nobody passes who came later.
    const bool first = stand_ ? stand_->front() : gate.line.empty();
    if (!first || !gate.may_go(stand_ ? stand_->since() : now)) return Choice::full;
  }
  Slots::Taken of_route, of_instance;
  if (gate.slots && !(of_route = Slots::Taken(gate.slots))) return Choice::full;
  upstream_ = visit_ ? route.pick(tried_, now, visit_->sticky, visit_->hash_value)
                     : route.pick(tried_, now, request_.sticky);
  if (!upstream_) return route.full(tried_) ? Choice::full : Choice::none;
  if (upstream_->slots() && !(of_instance = Slots::Taken(upstream_->slots()))) return Choice::full;
  route_slot_ = std::move(of_route);
  instance_slot_ = std::move(of_instance);
  return Choice::found;
}

void Exchange::give_slots_back(Route& route) {
  route_slot_ = {};
  instance_slot_ = {};
  route.gate->line.call();
}

// Once for all who wait.
void Exchange::ask_wake(Route& route) {
  const Time now = ground_.loop.turned();
  Time& asked = route.gate->wake_asked;
  if (!ground_.ask_wake || (asked != Time{} && now - asked < kWakeAgain)) return;
  asked = now;
  ground_.ask_wake(route.app);
}

// False: failure_ says why there is nothing to wait for any more.
Task<bool> Exchange::wait_in_line(Route& route, Choice why) {
  const bool parked = why == Choice::none;
  const auto* queue = visit_ ? &visit_->settings().queue : nullptr;
  const auto length = queue && queue->length ? static_cast<std::size_t>(*queue->length) : kLine;
  const Duration most = queue && queue->wait ? *queue->wait : parked ? kParked : kWait;
  if (!stand_) {
    if (route.gate->line.size() >= length) {
      failure_ = {503, "queue_full", "More requests than may wait here are waiting. Try again."};
      ++asked_->counters->turned_away;
      co_return false;
    }
    ++(parked ? asked_->counters->parked : asked_->counters->queued);
    stand_ = std::make_unique<RouteGate::Stand>(route.gate, ground_.loop.turned());
  }
  if (parked) ask_wake(route);
  const Duration left = std::min(stand_->since() + most - ground_.loop.now(), rest());
  async::Scope waiting(co_await async::current_scope());
  const Wire::Watch client(client_, waiting);
  auto called = co_await stand_->turn(std::max(left, Duration(0))).in(waiting);
  if (called) co_return true;
  client_gone_ = client.hung_up();
  if (called.error() != IoError::timed_out) co_return false;
  ++asked_->counters->turned_away;
  if (rest() == Duration(0)) {
    took_too_long();
  } else {
    failure_ = parked
                   ? Failure{503, "wake_timeout", "The app did not wake in time. Try again."}
                   : Failure{503, "queue_timeout", "No instance became free in time. Try again."};
  }
  co_return false;
}

}  // namespace nuri::router

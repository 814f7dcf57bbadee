#pragma once

// RouteGate: what holds requests of a route back at one worker: its limits, those of its instances,
// and an app that sleeps. Goes on when the entry is put anew. One loop's thread; what the workers
// share of it is in a LimitBook.

#include <memory>

#include "router/limit_book.h"
#include "router/retry_budget.h"
#include "router/waiting_line.h"

namespace nuri::router {

struct RouteGate {
  std::size_t worker = 0;
  WaitingLine line;
  RetryBudget retries;
  bool limited = false;                          // the route or its instances
  std::shared_ptr<Slots> slots = nullptr;        // of the route; null: no limit
  std::shared_ptr<Fairness> fairness = nullptr;  // if limited
  Time wake_asked{};

  // Whether one who came at `since` may try for a slot now: nobody came a good deal before.
  bool may_go(Time since) const { return !fairness || fairness->may_go(worker, since); }

  // A place in its line, which the other workers know of. It keeps the gate.
  class Stand {
   public:
    Stand(std::shared_ptr<RouteGate> gate, Time now);
    ~Stand();
    Stand(const Stand&) = delete;
    Stand& operator=(const Stand&) = delete;
    // As WaitingLine::Place::turn. Slots that other workers give back are noticed within kLook.
    Task<IoResult<void>> turn(Duration limit);
    bool front() { return place_->front(); }
    Time since() const { return place_->since(); }
    const std::shared_ptr<RouteGate>& gate() const { return gate_; }

    static constexpr Duration kLook = 1ms;

   private:
    void tell_others();
    std::shared_ptr<RouteGate> gate_;
    std::optional<WaitingLine::Place> place_;
  };
};

}  // namespace nuri::router

#pragma once

// LimitBook: what the workers share of the limits on requests under way: the slots of routes and
// instances, and how long somebody has been waiting at each worker. Workers ask for their entries
// when the table changes; what is in them is lock-free. Any thread.

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "router/slots.h"

namespace nuri::router {

// Since when the first in each worker's line has been waiting. Whoever came a good deal later than
// the first elsewhere lets that one go first.
class Fairness {
 public:
  void waits(std::size_t worker, Time since) { of(worker).store(since.ns); }
  void waits_no_more(std::size_t worker) { of(worker).store(kNobody); }
  bool may_go(std::size_t worker, Time since) const;

  static constexpr Duration kSkew = 5ms;

 private:
  static constexpr std::size_t kWorkers = 64;
  static constexpr std::int64_t kNobody = INT64_MAX;
  std::atomic<std::int64_t>& of(std::size_t worker) { return since_[worker % kWorkers].ns; }
  struct Since {
    std::atomic<std::int64_t> ns{kNobody};
  };
  std::array<Since, kWorkers> since_;
};

class LimitBook {
 public:
  template <class T>
  struct Entries {
    std::map<std::string, std::weak_ptr<T>> by_name;
    std::size_t sweep_at = 64;
  };
  // The one with this name, whose limit is `limit` from now on; it lasts as long as somebody has
  // it.
  std::shared_ptr<Slots> slots(const std::string& name, int limit);
  std::shared_ptr<Fairness> fairness(const std::string& name);

 private:
  std::mutex mutex_;
  Entries<Slots> slots_;
  Entries<Fairness> fairness_;
};

}  // namespace nuri::router

#pragma once

// What users may count on after the answers that they got: kept apart from the store, and compared
// with it.

#include <map>
#include <set>
#include <string>
#include <vector>

#include "model/app.h"
#include "store/store.h"

namespace nuri::sim {

// What became of a request, as its sender knows it.
enum class Fate {
  done,     // a good answer: acknowledged
  refused,  // it did not happen
  unknown,  // cut, or an error that says so: it may have happened
};

// A value that requests change, as far as their answers tell: one, or any of several.
template <class T>
class Possible {
 public:
  explicit Possible(T value) : values_{std::move(value)} {}

  struct Wish {
    T value;
    std::set<T> before;
    unsigned change;
  };
  // Before a request that sets `value` is sent.
  Wish wish(T value) {
    Wish made{value, values_, ++change_};
    values_.insert(std::move(value));
    return made;
  }
  // After its answer.
  void settle(const Wish& wish, Fate fate) {
    if (fate == Fate::unknown || (fate == Fate::refused && wish.change != change_)) return;
    ++change_;
    values_ = fate == Fate::done ? std::set<T>{wish.value} : wish.before;
  }
  bool admits(const T& value) const { return values_.contains(value); }
  bool is(const T& value) const { return values_.size() == 1 && admits(value); }

 private:
  std::set<T> values_;
  unsigned change_ = 0;
};

struct ExpectedRoute {
  Possible<bool> there{true};
  Possible<bool> mapped{false};
};

struct ExpectedApp {
  Possible<bool> deleted{false};
  Possible<model::AppState> state{model::AppState::stopped};
  Possible<std::string> value{std::string()};      // of the environment's V
  std::map<std::string, Possible<int>> instances;  // by process type; without: unknown
  std::set<std::string> builds, deployments;       // acknowledged
  std::set<std::string> cancelled;                 // deployments
  std::map<RouteGuid, ExpectedRoute> routes;
};

using Expected = std::map<AppGuid, ExpectedApp>;

// The first thing of the app that was acknowledged and does not hold; empty if there is none. What
// may be being deleted may be there or not.
std::string lost_write(store::Reader& reader, const AppGuid& guid, const ExpectedApp& expected);
// When nothing is under way any more: also that what was deleted is gone.
std::string lost_writes(store::Reader& reader, const Expected& expected);
// After the answer that the deletion is complete.
std::string left_of_app(store::Reader& reader, const AppGuid& guid);

}  // namespace nuri::sim

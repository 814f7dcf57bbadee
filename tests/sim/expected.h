#pragma once

// What users have asked for and the store has committed: kept apart from the store, and compared
// with it in the end.

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "model/app.h"
#include "store/store.h"

namespace nuri::sim {

struct ExpectedApp {
  bool delete_asked = false;
  model::AppState state = model::AppState::stopped;
  model::Env env;
  std::map<std::string, int> instances;  // by process type
  std::set<std::string> packages, builds, revisions, deployments;
};

using Expected = std::map<AppGuid, ExpectedApp>;

class Ledger {
 public:
  // From the body of a transaction: holds once it is committed.
  void note(AppGuid app, std::function<void(ExpectedApp&)> effect) {
    pending_.emplace_back(std::move(app), std::move(effect));
  }
  void commit();
  void roll_back() { pending_.clear(); }
  const Expected& expected() const { return expected_; }

 private:
  std::vector<std::pair<AppGuid, std::function<void(ExpectedApp&)>>> pending_;
  Expected expected_;
};

// The first thing that was written and is not there any more; empty if there is none.
std::string lost_write(store::Reader& reader, const Expected& expected);

}  // namespace nuri::sim

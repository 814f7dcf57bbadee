#pragma once

// The audit trail of crashes, as Cloud Foundry has it: audit.app.process.crash, whose actor is the
// process. Pure.

#include <vector>

#include "base/random.h"
#include "model/job.h"
#include "plan/reconcile.h"

namespace nuri::control {

// The rows that `plan` takes from alive, as `view` has them, to crashed. They point into `plan`.
std::vector<const model::Instance*> newly_crashed(const plan::AppPlan& plan,
                                                  const plan::AppView& view);

// One for each instance that `plan` takes from alive, as `view` has it, to crashed.
std::vector<model::Event> crash_events(const plan::AppPlan& plan, const plan::AppView& view,
                                       WallTime now, Random& random);

}  // namespace nuri::control

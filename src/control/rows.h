#pragma once

// The reads and writes of the reconciler, as bodies of transactions.

#include <optional>
#include <set>

#include "control/instance_spec.h"
#include "plan/reconcile.h"
#include "store/store.h"

namespace nuri::control {

std::set<AppGuid> all_apps(store::Reader& reader);
// The apps that the changed rows belong to, gone ones too where that can be told.
std::set<AppGuid> apps_of(store::Reader& reader, const store::Changes& changes);

// Nullopt if the app is gone.
std::optional<plan::AppView> load_view(store::Reader& reader, const AppGuid& app);
// Nullopt if the instance is gone or to stop. Throws Error{unprocessable}, for its developer, if
// something that it runs with is gone.
std::optional<SpecRows> load_spec(store::Reader& reader, const InstanceGuid& instance);
// The app's addresses: "host.domain/path".
std::vector<std::string> uris_of(store::Reader& reader, const AppGuid& app);

// Writes what was planned for `view`. False, and nothing is written, if the rows are no longer
// those: then it must be planned again.
bool write_plan(store::Writer& tx, const plan::AppPlan& plan, const plan::AppView& view);

const model::Process* process_of(const plan::AppView& view, const model::Instance& instance);
Duration grace_of(const plan::AppView& view, const InstanceGuid& instance);

}  // namespace nuri::control

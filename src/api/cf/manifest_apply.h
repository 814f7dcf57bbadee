#pragma once

// Manifests brought to the rows: what apply_manifest does, all in one transaction.

#include <string>
#include <vector>

#include "api/cf/audit.h"
#include "model/manifest.h"
#include "store/store.h"

namespace nuri::api {

// Makes the apps of the manifest that are missing and brings the others to what it says; what it
// does not say stays. `apps_port` may stand in a route. Returns warnings for the user. Throws
// Error{unprocessable} naming the app and what is wrong.
std::vector<std::string> apply_manifest(store::Writer& tx, const Act& act,
                                        const model::Space& space, const model::Manifest& manifest,
                                        int apps_port);

// What the manifest says of one process type, on top of what is; the command too.
void merge_process(model::ProcessSettings& settings, const model::ManifestProcess& wanted);

}  // namespace nuri::api

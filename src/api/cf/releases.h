#pragma once

// Starting, restarting and rolling out: what several requests do to an app's releases.

#include <optional>

#include "api/cf/audit.h"
#include "model/app.h"
#include "model/release.h"
#include "plan/release.h"
#include "store/store.h"

namespace nuri::api {

std::optional<model::Revision> latest_revision(store::Reader& reader, const AppGuid& app);

// Sets the app STARTED and inserts the deployment (and revision) that makes it so; control/ does
// the rest. `wish.strategy` counts for a STARTED app, a STOPPED one is simply started. Updates
// `app` and its row. Throws Error{unprocessable} without a droplet.
model::Deployment release_app(store::Writer& tx, const Act& act, model::App& app,
                              plan::ReleaseWish wish);

}  // namespace nuri::api

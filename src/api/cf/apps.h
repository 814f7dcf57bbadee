#pragma once

// What other resources need of apps.

#include "api/cf/audit.h"
#include "api/cf/call.h"
#include "model/app.h"
#include "model/source.h"
#include "store/store.h"

namespace nuri::api {

inline constexpr std::string_view kStack = "nuri";  // the one there is

json::object app_json(const Call& call, const model::App& app);
json::object lifecycle_json(const model::Lifecycle& lifecycle);
// Applies a request's `lifecycle`, if it has one. Throws Error{unprocessable}.
void patch_lifecycle(model::Lifecycle& lifecycle, const json::object& body);
// Applies `{NAME: "value" or null}` to an environment. Throws Error{unprocessable}.
void patch_env(model::Env& env, const json::object& changes);

// {"data":{"guid":…}}, or {"data":null} for none.
json::object relation_json(const std::string& guid);
// The guid in body.relationships.NAME.data. Throws Error{unprocessable} that names it.
std::string require_relation(const json::object& body, std::string_view name);

// Validates and inserts the app with its web process; writes audit.app.create.
void insert_app(store::Writer& tx, const Act& act, const model::App& app);
// Makes the droplet the app's current one, and a process of each type that it has (web runs, others
// have no instances until they are scaled). Updates `app` and its row. Throws Error{unprocessable}
// if the droplet is not this app's or not STAGED.
void assign_droplet(store::Writer& tx, const Act& act, model::App& app, const DropletGuid& droplet);

// Where apps.cc adds the routes of its neighbours.
void add_app_actions(Routes& routes);
void add_app_env(Routes& routes);
void add_app_features(Routes& routes);
void add_app_droplet(Routes& routes);

}  // namespace nuri::api

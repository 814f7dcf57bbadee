#pragma once

// The other way round: what is, as a manifest says it.

#include <string>

#include "base/json.h"
#include "model/app.h"
#include "model/manifest.h"
#include "model/tenancy.h"
#include "store/store.h"

namespace nuri::api {

// One element of `applications`: {name, stack, buildpacks, env, routes, metadata, processes}.
json::object manifest_of(store::Reader& reader, const model::App& app);
// "---\napplications:\n- name: …".
std::string manifest_yaml(const json::object& application);

// Where `wanted` differs from what is: [{op, path, was, value}] with JSON pointers into it.
json::array manifest_diff(store::Reader& reader, const model::Space& space,
                          const model::Manifest& wanted, int apps_port);

}  // namespace nuri::api

#pragma once

// What an instance runs with: from its rows to the engine's spec. Pure.

#include <string>

#include "base/json.h"
#include "engine/engine.h"
#include "model/app.h"
#include "model/instance.h"
#include "model/release.h"
#include "model/routing.h"
#include "model/source.h"
#include "model/tenancy.h"

namespace nuri::control {

inline constexpr int kAppPort = 8080;

struct SpecRows {
  model::App app;
  model::Process process;
  model::Revision revision;
  model::Droplet droplet;
  model::Instance instance;
  model::Space space;
  model::Org org;
  std::vector<std::string> uris;  // the app's addresses
};

// Environment: the revision's own, then Cloud Foundry's (VCAP_APPLICATION, CF_INSTANCE_*, PORT,
// MEMORY_LIMIT), which the user cannot override.
engine::InstanceSpec instance_spec(const SpecRows& rows);
// The value of VCAP_APPLICATION; without an instance for what is the same for all.
json::object vcap_application(const SpecRows& rows);

}  // namespace nuri::control

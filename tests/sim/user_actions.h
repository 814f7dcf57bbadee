#pragma once

// What the API does to the rows for a user's requests, as bodies of transactions. Each notes in the
// ledger what must hold once it is committed. They throw Error{not_found} when the app is gone.

#include <string>
#include <vector>

#include "base/digest.h"
#include "expected.h"
#include "model/source.h"

namespace nuri::sim {

struct Desk {
  Random& random;
  Ledger& ledger;
  const Clock& clock;
  SpaceGuid space;
  DomainGuid domain;
};

// Org, space and domain of a new platform.
void found(store::Writer& tx, Desk& desk);

struct ProcessWish {
  std::string type;
  int instances;
  model::HealthCheckType check;
};
AppGuid create_app(store::Writer& tx, const Desk& desk, const std::string& name,
                   const std::vector<ProcessWish>& processes);
// A package that is uploaded, and its build.
BuildGuid begin_push(store::Writer& tx, const Desk& desk, const AppGuid& app, Digest files);
// The build's droplet becomes the app's and is rolled out, or started.
bool finish_push(store::Writer& tx, const Desk& desk, const BuildGuid& build);
bool start_app(store::Writer& tx, const Desk& desk, const AppGuid& app);
bool stop_app(store::Writer& tx, const Desk& desk, const AppGuid& app);
bool restart_app(store::Writer& tx, const Desk& desk, const AppGuid& app);
bool scale(store::Writer& tx, const Desk& desk, const AppGuid& app, const std::string& type,
           int instances);
bool set_env(store::Writer& tx, const Desk& desk, const AppGuid& app, const std::string& value);
bool cancel_deployment(store::Writer& tx, const Desk& desk, const AppGuid& app);
bool delete_app(store::Writer& tx, const Desk& desk, const AppGuid& app);

}  // namespace nuri::sim

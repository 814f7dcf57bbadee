#pragma once

// What a push, a restart or a change of environment makes: a revision, unless nothing changed, and
// the deployment that rolls it out. Pure.

#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "model/app.h"
#include "model/release.h"

namespace nuri::plan {

struct Release {
  std::optional<model::Revision> revision;  // to insert; nullopt: the latest one is deployed again
  model::Deployment deployment;             // to insert
};

struct ReleaseWish {
  model::Strategy strategy = model::Strategy::rolling;
  model::DeploymentOptions options;
  std::string description;  // of a new revision; empty: found from what changed
};

// `latest`: the app's newest revision, if it has one. The app must have a current droplet: else
// Error {unprocessable} in Cloud Foundry's words.
Release release(const model::App& app, const std::vector<model::Process>& processes,
                const std::optional<model::Revision>& latest, const ReleaseWish& wish, WallTime now,
                Random& random);

}  // namespace nuri::plan

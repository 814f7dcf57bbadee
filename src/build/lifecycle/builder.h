#pragma once

// Phase 3: runs bin/build of each buildpack of the group, in order.

#include <vector>

#include "build/lifecycle/build_plan.h"
#include "build/lifecycle/buildpack.h"
#include "build/lifecycle/environment.h"
#include "build/lifecycle/layers.h"
#include "build/lifecycle/places.h"

namespace nuri::lifecycle {

struct BuiltPart {
  const Buildpack* buildpack = nullptr;
  std::vector<Layer> layers;  // without ignored ones
  LaunchFile launch;
  std::optional<json::object> store;
};

// Thrown when bin/build itself failed; its output has said why.
class BuildFailed : public Error {
 public:
  BuildFailed(const Buildpack& buildpack, int status);
};

// `environment` and `user` as in buildpack_env.h. Layers with build = true change the environment
// of the buildpacks that follow; layers without any type are renamed to NAME.ignore.
std::vector<BuiltPart> build_all(const std::vector<const Buildpack*>& group,
                                 std::vector<PlanEntry> plan, const Places& places,
                                 Environment environment, const Environment& user);

}  // namespace nuri::lifecycle

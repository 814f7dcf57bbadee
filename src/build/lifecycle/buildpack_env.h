#pragma once

#include "build/lifecycle/build_request.h"
#include "build/lifecycle/buildpack.h"
#include "build/lifecycle/environment.h"
#include "build/lifecycle/places.h"

namespace nuri::lifecycle {

// What every bin/detect and bin/build of one build has in its environment before the layers of
// earlier buildpacks and the user's variables: PATH, HOME, LANG, TMPDIR, SOURCE_DATE_EPOCH, the
// target, the operator's settings, and the variables that make common tools trust platform/ca.crt
// when it is there.
Environment base_environment(const BuildRequest& request, const Places& places,
                             const Platform& platform, const Environment& own);

// Adds CNB_BUILDPACK_DIR and, unless the buildpack asked for a clear environment, the user's
// variables.
Environment environment_for(const Buildpack& buildpack, Environment environment,
                            const Environment& user);

// Writes PLATFORM/env/NAME for each of the user's variables.
void write_platform_env(const std::filesystem::path& platform, const Environment& user);

}  // namespace nuri::lifecycle
